"""Where the tokens of a forward pass stand: positions, documents, windows.

Legend: B sequences, S positions, R half of the rotated channels.
"""

import torch
from torch import Tensor, nn

from optimoe.arch.parts import UNLIMITED_WINDOW
from optimoe.models.attention.rope import Rope, Rotary


def visible(position_S: Tensor, window_tokens: int, chunked: bool, run_S: Tensor | None = None) -> Tensor:
    """A mask of the keys that each query sees, (…, S, S) bool: none after it, and of those before it the window's.

    Args:
        position_S: Positions, which a chunk is cut by, (S,) or (B, S).
        window_tokens: Width of the window, or of a chunk.
        chunked: Whether positions are cut into chunks that see themselves alone.
        run_S: The document of each token, (B, S): a query sees keys of its own alone.
    """
    at_S = torch.arange(position_S.shape[-1], device=position_S.device)
    past_SS = at_S[None, :] <= at_S[:, None]
    if chunked:
        chunk_S = position_S // window_tokens
        seen_SS = past_SS & (chunk_S[..., :, None] == chunk_S[..., None, :])
    else:
        seen_SS = past_SS & (at_S[:, None] - at_S[None, :] < window_tokens)
    return seen_SS if run_S is None else seen_SS & (run_S[..., :, None] == run_S[..., None, :])


def document_runs(document_BS: Tensor) -> tuple[Tensor, Tensor]:
    """Number of each token's document in its row, (B, S), and where one begins: runs of equal numbers are one."""
    new_BS = document_BS[:, 1:] != document_BS[:, :-1]
    new_BS = nn.functional.pad(new_BS, (min(1, document_BS.shape[1]), 0))
    return new_BS.cumsum(1), new_BS


class Places:
    """Where the tokens of a forward pass stand: their positions, and the documents that no query sees beyond.

    Angles and masks are made when a layer asks for them first, and are shared by all that ask for the same.

    Attributes:
        position_S: Positions, (S,), or (B, S) where rows differ.
        run_BS: Number of each token's document in its row, or none where rows are one document each.

    Args:
        ids_BS: Token ids.
        document_BS: The document of each token; every run of equal numbers is one.
        position_BS: Positions; left out, they count from 0 in each document.
    """

    def __init__(self, ids_BS: Tensor, document_BS: Tensor | None, position_BS: Tensor | None) -> None:
        at_S = torch.arange(ids_BS.shape[1], device=ids_BS.device)
        self.position_S, self.run_BS = at_S, None
        self._given = position_BS is not None
        if document_BS is not None:
            self.run_BS, new_BS = document_runs(document_BS)
            self.position_S = at_S - torch.where(new_BS, at_S, 0).cummax(1).values
        if position_BS is not None:
            self.position_S = position_BS
        self._ropes: dict[tuple[Rotary, int, torch.dtype], Rope] = {}
        self._masks: dict[tuple[int, bool], Tensor] = {}

    def rope(self, rotary: Rotary, dim: int, dtype: torch.dtype) -> Rope:
        """Cosines and sines that broadcast over heads, for ``dim`` turned channels."""
        key = (rotary, dim, dtype)
        if key not in self._ropes:
            cos_SR, sin_SR = rotary.angles(self.position_S, dim, dtype)
            wide = cos_SR.ndim == 3
            self._ropes[key] = (cos_SR[:, None], sin_SR[:, None]) if wide else (cos_SR, sin_SR)
        return self._ropes[key]

    def mask(self, window_tokens: int, chunked: bool) -> Tensor | None:
        """What each query sees, (S, S) or (B, 1, S, S) bool; none where that is all that comes before it."""
        num_positions = self.position_S.shape[-1]
        whole = window_tokens == UNLIMITED_WINDOW  # compared with nothing: that would bound an exported length
        if not whole and not (chunked and self._given):  # a chunk by given positions may end anywhere
            whole = window_tokens >= num_positions
        if self.run_BS is None and whole:
            return None
        key = (window_tokens, chunked)
        if key not in self._masks:
            seen_SS = visible(self.position_S, window_tokens, chunked, self.run_BS)
            self._masks[key] = seen_SS[:, None] if seen_SS.ndim == 3 else seen_SS
        return self._masks[key]
