"""Whether an output depends on what it may not see: later tokens, other documents, padding.

Legend: B sequences, S positions.
"""

from collections.abc import Callable

import torch
from torch import Tensor


@torch.no_grad()
def future_leak(
    function: Callable[[Tensor], Tensor],
    one_BS: Tensor,
    other_BS: Tensor,
    seed: int = 0,
    *,
    document_BS: Tensor | None = None,
) -> float:
    """The largest change of any output when what it may not see changes, over all positions; 0 is causal.

    For each position t of all rows everything is replaced but the tokens up to t of the document at t: what comes
    after it, other documents, and padding. The outputs at the tokens that stay are compared.

    A probe, not a proof: of a router whose choices hang on competition, try batches that compete. Where tokens of
    a batch are weighed against each other (capacities, expert choice) another document is found to have its part.

    Args:
        function: From (B, S) token ids, or (B, S, D) vectors, to outputs (B, S, …); it knows the documents itself.
        one_BS: An input.
        other_BS: Another, whose tokens replace those of the first.
        seed: Of every call, so that noise and samples stay as they are.
        document_BS: The document of each token, by numbers that do not come again in a row; −1 is padding, whose
            own outputs do not matter. Left out, every row is one document.
    """
    if document_BS is None:
        document_BS = torch.zeros(one_BS.shape[:2], dtype=torch.int64, device=one_BS.device)
    at_S = torch.arange(one_BS.shape[1], device=one_BS.device)

    def run(input_BS: Tensor) -> Tensor:
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            return function(input_BS)

    before, leak = run(one_BS), 0.0
    for t in range(len(at_S)):
        stays_BS = (document_BS == document_BS[:, t : t + 1]) & (document_BS >= 0) & (at_S <= t)
        mixed_BS = torch.where(stays_BS.view(*stays_BS.shape, *(1,) * (one_BS.ndim - 2)), one_BS, other_BS)
        change = (run(mixed_BS) - before)[stays_BS].abs()
        leak = max(leak, float(change.amax()) if change.numel() else 0.0)
    return leak
