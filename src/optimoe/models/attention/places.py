"""Where the tokens of a forward pass stand: positions, documents, windows.

Legend: B sequences, S positions, N tokens that are seen, T rotated channels.
"""

import torch
from torch import Tensor

from optimoe.arch.parts import UNLIMITED_WINDOW
from optimoe.core.errors import InputError, require
from optimoe.models.attention.cache import Cache, Spots, seen_places
from optimoe.models.attention.rope import Rope, Rotary
from optimoe.models.surroundings import may_look


def visible(query: Spots, key: Spots, window_tokens: int, chunked: bool) -> Tensor:
    """A mask of the keys that each query sees, (…, S, N) bool: none after it, and of those before it the window's.

    Args:
        query: Where queries stand; positions are what a chunk is cut by.
        key: Where keys stand; a query sees those of its own document alone.
        window_tokens: Width of the window, or of a chunk.
        chunked: Whether positions are cut into chunks that see themselves alone.
    """
    behind_SN = query.place_S[:, None] - key.place_S[None, :]
    seen_SN = behind_SN >= 0
    if chunked:
        one_S, other_N = query.position_S // window_tokens, key.position_S // window_tokens
        seen_SN = seen_SN & (one_S[..., :, None] == other_N[..., None, :])
    else:
        seen_SN = seen_SN & (behind_SN < window_tokens)
    if query.run_BS is None or key.run_BS is None:
        return seen_SN
    return seen_SN & (query.run_BS[..., :, None] == key.run_BS[..., None, :])


def document_runs(document_BS: Tensor, before_B1: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Number of each token's document in its row, (B, S), and where one begins: runs of equal numbers are one.

    Args:
        document_BS: The document of each token.
        before_B1: That of the token before the first; left out, the first document is number 0.
    """
    first_B1 = document_BS[:, :1] if before_B1 is None else before_B1
    new_BS = document_BS != torch.cat([first_B1, document_BS[:, :-1]], dim=1)
    return new_BS.cumsum(1), new_BS


class Places:
    """Where the tokens of a forward pass stand: their positions, and the documents that no query sees beyond.

    Angles and masks are made when a layer asks for them first, and are shared by all that ask for the same.

    Attributes:
        num_before: Tokens before those of the pass, which a cache holds.
        new: Where the tokens of the pass stand.
        all: Where they and the tokens before them stand.
        document_BS: The document of each token, as given or continued, or none where rows are one document each.

    Args:
        ids_BS: Token ids.
        document_BS: The document of each token; every run of equal numbers is one.
        position_BS: Positions; left out, they count from 0 in each document.
        cache: What the tokens follow: documents go on, and positions with them.

    Raises:
        ConfigError: There are more or fewer rows than before.
        InputError: A row ended with padding, and the document that follows is not given.
    """

    def __init__(
        self, ids_BS: Tensor, document_BS: Tensor | None, position_BS: Tensor | None, cache: Cache | None = None
    ) -> None:
        self.num_before = 0 if cache is None else cache.num_tokens
        before = cache.spots if cache is not None and self.num_before else None
        at_S = torch.arange(ids_BS.shape[1], device=ids_BS.device)
        start: Tensor | int = 0  # where the document of a token begins, counted from the first of the pass
        last_B1, run_BS = None, None
        if cache is not None and before is not None:
            document_BS, last_B1 = _continue(document_BS, ids_BS, cache)
            start = -1 - before.position_S[..., -1:]
        if document_BS is not None:
            run_BS, new_BS = document_runs(document_BS, last_B1)
            if before is not None and before.run_BS is not None:
                run_BS = run_BS + before.run_BS[:, -1:]
            start = torch.where(new_BS, at_S, start).cummax(1).values
        self.document_BS = document_BS
        self.new = Spots(at_S + self.num_before, at_S - start if position_BS is None else position_BS, run_BS)
        self.all = self.new if before is None else before.then(self.new)
        self._ropes: dict[tuple[Rotary, int, torch.dtype], Rope] = {}
        self._masks: dict[tuple[int, bool], Tensor] = {}

    def rope(self, rotary: Rotary, dim: int, dtype: torch.dtype) -> Rope:
        """Cosines and sines that broadcast over heads, for ``dim`` turned channels."""
        key = (rotary, dim, dtype)
        if key not in self._ropes:
            cos_ST, sin_ST = rotary.rope(self.new.position_S, dim, dtype)
            wide = cos_ST.ndim == 3
            self._ropes[key] = (cos_ST[:, None], sin_ST[:, None]) if wide else (cos_ST, sin_ST)
        return self._ropes[key]

    def mask(self, window_tokens: int, chunked: bool, explicit: bool = False) -> Tensor | None:
        """What each query sees of the tokens that a layer shows it, (S, N) or (B, 1, S, N) bool.

        Args:
            window_tokens: Width of the layer's window, or chunk.
            chunked: Which of the two it is.
            explicit: Whether there is a mask even where one query sees all, or several all before them.
        """
        num_new, num_all = self.new.place_S.shape[0], self.all.place_S.shape[0]
        whole = window_tokens == UNLIMITED_WINDOW  # compared with nothing: that would bound an exported length
        if not whole and not (chunked and self.all.position_S.ndim == 2):  # a chunk by given ones may end anywhere
            whole = window_tokens >= num_all
        plain = num_new == 1 and (whole or not chunked) if self.num_before else whole
        if plain and self.new.run_BS is None and not explicit:
            return None
        key = (window_tokens, chunked)
        if key not in self._masks:
            seen = self.all
            if self.num_before and not whole:
                seen = seen.at(seen_places(self.num_before, num_new, window_tokens, self.new.place_S.device))
            seen_SN = visible(self.new, seen, window_tokens, chunked)
            self._masks[key] = seen_SN[:, None] if seen_SN.ndim == 3 else seen_SN
        return self._masks[key]

    def keep(self, cache: Cache) -> None:
        """Let a cache remember where the tokens stand, once its layers hold them."""
        cache.spots = self.all
        if self.document_BS is not None and self.document_BS.shape[1]:
            cache.document_B1 = self.document_BS[:, -1:]


def _continue(document_BS: Tensor | None, ids_BS: Tensor, cache: Cache) -> tuple[Tensor | None, Tensor | None]:
    """Documents of new tokens, (B, S), where they are given or were before, and that of the last token, (B, 1).

    Raises:
        ConfigError: There are more or fewer rows than before.
        InputError: A row ended with padding, and the document that follows is not given.
    """
    require(len(ids_BS) == cache.num_rows, "ids", f"{cache.num_rows} rows, as the cache", len(ids_BS))
    last_B1 = cache.document_B1
    if document_BS is None:
        if last_B1 is None:
            return None, None
        if may_look(last_B1) and bool((last_B1 < 0).any()):
            raise InputError("document_BS: must be given after padding, got none")
        return last_B1.clamp_min(0).expand(-1, ids_BS.shape[1]), last_B1
    return document_BS, document_BS.new_zeros(len(ids_BS), 1) if last_B1 is None else last_B1
