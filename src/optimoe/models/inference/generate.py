"""Generation: prompts are read at once, then every row is extended by one token at a time.

Legend: B rows, S positions, V vocabulary.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from operator import index

import torch
from torch import Tensor, nn

from optimoe.core.errors import InputError, require, shown
from optimoe.models.attention.cache import Cache
from optimoe.models.decoder import find_decoder
from optimoe.models.inference.sampling import Sampling, StopReason, choose

PADDING = -1
"""The document of what stands before a shorter prompt."""


@dataclass(frozen=True)
class Generated:
    """What was generated for each prompt, in the order of the prompts.

    Attributes:
        ids: The new tokens, those that stopped the row included.
        log_probs: Log-probability of each under the model itself: at temperature 1, among all tokens.
        stopped: Why each row ended.
    """

    ids: list[list[int]]
    log_probs: list[list[float]]
    stopped: list[StopReason]


@torch.no_grad()
def generate(model: nn.Module, prompts: Sequence[Sequence[int]] | Tensor, sampling: Sampling) -> Generated:
    """Tokens that follow each prompt, by a cache of keys and values; the model evaluates meanwhile.

    A row depends on its prompt, the sampling and its number alone: padding before shorter prompts is seen by
    nobody, each row draws its own random numbers, and rows that have ended are computed no further. The context
    that a model states (``max_context``) is no limit; learned positions are.

    Args:
        model: A decoder, or what wraps one.
        prompts: Token ids of each row, of any lengths from 1; or (B, S).
        sampling: How to choose, and when to end.

    Raises:
        ConfigError: A router decides on several tokens together, or prompts and new tokens are more than learned
            positions.
        InputError: A prompt is empty or no list of token ids, an id is none of the vocabulary's, or logits are no
            numbers.
    """
    require(isinstance(sampling, Sampling), "sampling", "a Sampling", sampling)
    decoder = find_decoder(model)
    rows = _read(prompts, decoder.arch.vocab_size)
    longest = max(map(len, rows), default=0)
    _require_positions(longest, sampling, decoder.arch.num_positions)
    result = Generated(
        ids=[[] for _ in rows], log_probs=[[] for _ in rows], stopped=["max_new_tokens"] * len(rows)
    )
    device = decoder.embedding.weight.device
    draw_BN = torch.tensor([sampling.draws(row) for row in range(len(rows))], dtype=torch.float64, device=device)
    cache = Cache(reserve=longest + sampling.max_new_tokens - 1)
    going = list(range(len(rows)))
    inputs = _padded(rows, longest, device)
    with _evaluating(model):
        while going:
            logits_BV = model(**inputs, cache=cache, last_only=True).logits_BSV[:, -1]
            chosen_B = choose(logits_BV, sampling, draw_BN[going, len(result.ids[going[0]])])
            ended = _append(result, going, chosen_B, logits_BV, sampling)
            if ended:
                left_B = torch.tensor([row not in ended for row in going], device=device).nonzero().squeeze(1)
                going, chosen_B = [row for row in going if row not in ended], chosen_B[left_B]
                cache.select(left_B)
            inputs = {"ids_BS": chosen_B[:, None]}
    return result


def _append(
    result: Generated, going: list[int], chosen_B: Tensor, logits_BV: Tensor, sampling: Sampling
) -> set[int]:
    """Put one token behind each row that goes on; the rows that end with it.

    Raises:
        InputError: Logits are no numbers.
    """
    wide_BV = logits_BV.to(torch.promote_types(logits_BV.dtype, torch.float32))
    log_prob_B = wide_BV.gather(1, chosen_B[:, None]).squeeze(1) - wide_BV.logsumexp(dim=1)
    ended = set()
    for row, token, log_prob in zip(going, chosen_B.tolist(), log_prob_B.tolist(), strict=True):
        if log_prob != log_prob:
            raise InputError(f"model: must give logits that are numbers, got nan in row {row}")
        result.ids[row].append(token)
        result.log_probs[row].append(log_prob)
        reason = sampling.stop_reason(result.ids[row])
        if reason is not None:
            result.stopped[row] = reason
            ended.add(row)
    return ended


def _read(prompts: Sequence[Sequence[int]] | Tensor, vocab_size: int) -> list[list[int]]:
    """Prompts as lists of token ids.

    Raises:
        InputError: One is empty or no sequence of token ids, or an id is none of the vocabulary's.
    """
    try:
        given = prompts.tolist() if isinstance(prompts, Tensor) else prompts
        rows = [[index(token) for token in row] for row in given]
    except TypeError:
        raise InputError(f"prompts: must be token ids, row by row, got {shown(repr(prompts))}") from None
    for number, row in enumerate(rows):
        if not row:
            raise InputError(f"prompts: must be of one token or more each, got none in row {number}")
        wrong = [token for token in row if not 0 <= token < vocab_size]
        if wrong:
            raise InputError(f"prompts: must be from 0 to {vocab_size - 1}, got {wrong[0]} in row {number}")
    return rows


def _require_positions(longest: int, sampling: Sampling, num_positions: int) -> None:
    """Refuse what would need more positions than are learned: the last new token needs none.

    Raises:
        ConfigError: It would.
    """
    if num_positions == 0:
        return
    require(longest <= num_positions, "prompts", f"at most {num_positions} tokens, as learned positions", longest)
    room = num_positions - longest + 1
    limit = f"at most {room}, of {num_positions} learned positions after a prompt of {longest}"
    require(sampling.max_new_tokens <= room, "max_new_tokens", limit, sampling.max_new_tokens)


def _padded(rows: list[list[int]], longest: int, device: torch.device) -> dict[str, Tensor]:
    """Prompts as one tensor, the shorter ones with padding before them."""
    ids_BS = torch.tensor([[0] * (longest - len(row)) + row for row in rows], device=device)
    if all(len(row) == longest for row in rows):
        return {"ids_BS": ids_BS}
    length_B1 = torch.tensor([[len(row)] for row in rows], device=device)
    pads_BS = torch.arange(longest, device=device) < longest - length_B1
    return {"ids_BS": ids_BS, "document_BS": torch.zeros_like(ids_BS).masked_fill(pads_BS, PADDING)}


@contextmanager
def _evaluating(model: nn.Module) -> Iterator[None]:
    """A context in which the model evaluates; each part of it trains afterwards as before."""
    trained = [part for part in model.modules() if part.training]
    model.eval()
    try:
        yield
    finally:
        for part in trained:
            part.training = True
