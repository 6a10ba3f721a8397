"""Whether an output depends on what comes after it.

Legend: B sequences, S positions.
"""

from collections.abc import Callable

import torch
from torch import Tensor


@torch.no_grad()
def future_leak(function: Callable[[Tensor], Tensor], one_BS: Tensor, other_BS: Tensor, seed: int = 0) -> float:
    """The largest change of any output at positions ≤ t when inputs after t change, over all t; 0 is causal.

    A probe, not a proof: of a router whose choices hang on competition, try batches that compete.

    Args:
        function: From (B, S) token ids, or (B, S, D) vectors, to outputs (B, S, …).
        one_BS: An input.
        other_BS: Another, whose later positions replace those of the first.
        seed: Of every call, so that noise and samples stay as they are.
    """
    num_positions = one_BS.shape[1]

    def run(input_BS: Tensor) -> Tensor:
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            return function(input_BS)

    before = run(one_BS)
    leak = 0.0
    for t in range(num_positions - 1):
        mixed_BS = torch.cat([one_BS[:, : t + 1], other_BS[:, t + 1 :]], dim=1)
        change = (run(mixed_BS) - before)[:, : t + 1].abs().amax()
        leak = max(leak, float(change))
    return leak
