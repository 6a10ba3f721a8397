"""The cache: keys and values of tokens that a model has seen, and where those tokens stand.

Legend: B sequences, S new tokens, T tokens so far, N held tokens of a layer, J key-value heads, C channels.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from optimoe.core.errors import require


class Spots(NamedTuple):
    """Where tokens stand: their places in the row, their positions, and their documents.

    Attributes:
        place_S: Places in the row, from 0, (S,).
        position_S: Positions, (S,), or (B, S) where rows differ.
        run_BS: Number of each token's document in its row, or none where rows are one document each.
    """

    place_S: Tensor
    position_S: Tensor
    run_BS: Tensor | None

    def at(self, index_N: Tensor) -> "Spots":
        """The spots of some of the tokens."""
        run_BN = None if self.run_BS is None else self.run_BS[..., index_N]
        return Spots(self.place_S[index_N], self.position_S[..., index_N], run_BN)

    def then(self, later: "Spots") -> "Spots":
        """The spots of these tokens and of later ones."""
        run_BT = later.run_BS
        if run_BT is not None:
            first_BS = run_BT.new_zeros(len(run_BT), len(self.place_S)) if self.run_BS is None else self.run_BS
            run_BT = torch.cat([first_BS, run_BT], dim=1)
        one, other = self.position_S, later.position_S
        if one.ndim < other.ndim:
            one = one.expand(len(other), -1)
        position_T = torch.cat([one, other], dim=-1)
        return Spots(torch.cat([self.place_S, later.place_S]), position_T, run_BT)


class LayerCache:
    """Tensors (B, J, N, C) of the last tokens of one layer: the token at place t lies in slot t modulo the window.

    Args:
        reserve: Tokens that room is made for at once; beyond, it grows by half.
    """

    def __init__(self, reserve: int) -> None:
        self.num_tokens, self.window, self.reserve = 0, 0, reserve
        self.parts: tuple[Tensor, ...] = ()

    @property
    def held(self) -> tuple[Tensor, ...]:
        """What it holds, of the last tokens up to the window."""
        return tuple(part[..., : min(self.num_tokens, self.window), :] for part in self.parts)

    def extend(self, before: int, window: int, *new: Tensor) -> tuple[Tensor, ...]:
        """Take new tokens, and return all that they may see, in the order of :func:`seen_places`.

        Args:
            before: Tokens before the new ones.
            window: Tokens that a token sees at most; the same in every call.
            new: Tensors (B, J, S, C) of the new tokens, alike in all but J and C.
        """
        num_new = new[0].shape[2]
        self.num_tokens, self.window = before + num_new, window
        if _overwrites_nothing(before, num_new, window):
            self._write(new, before)
            return self.held
        held = tuple(part[..., : min(before, window), :] for part in self.parts)
        seen = tuple(torch.cat(pair, dim=2) for pair in zip(held, new, strict=True)) if held else new
        kept = min(num_new, window)
        self._write(tuple(part[..., num_new - kept :, :] for part in new), self.num_tokens - kept)
        return seen

    def _write(self, new: tuple[Tensor, ...], start: int) -> None:
        num_new = new[0].shape[2]
        self._make_room(min(start + num_new, self.window), new)
        first = start % self.window
        for part, one in zip(self.parts, new, strict=True):
            until_end = min(num_new, self.window - first)
            part[..., first : first + until_end, :] = one[..., :until_end, :]
            if until_end < num_new:
                part[..., : num_new - until_end, :] = one[..., until_end:, :]

    def _make_room(self, needed: int, like: tuple[Tensor, ...]) -> None:
        room = self.parts[0].shape[2] if self.parts else 0
        if needed <= room and self.parts:
            return
        room = min(self.window, max(needed, self.reserve, room * 3 // 2))
        wider = tuple(one.new_empty(*one.shape[:2], room, one.shape[3]) for one in like)
        for one, old in zip(wider, self.parts, strict=bool(self.parts)):
            one[..., : old.shape[2], :] = old
        self.parts = wider

    def select(self, row_B: Tensor) -> None:
        """Keep some rows, in this order."""
        self.parts = tuple(part.index_select(0, row_B) for part in self.parts)


class Cache:
    """What a model holds of the tokens it has seen, so that later ones follow them without computing them again.

    Every layer holds keys and values, or a latent and a turned key, of as many tokens as later ones can see: all,
    or the last ones of a window or chunk. The bytes of one sequence are :func:`optimoe.arch.memory.kv_bytes`.

    Attributes:
        spots: Where the tokens stand, or none before the first.
        document_B1: The document of each row's last token, or none where rows are one document each.

    Args:
        reserve: Tokens that room is made for at once; beyond, it grows by half.

    Raises:
        ConfigError: A negative number of tokens.
    """

    spots: Spots | None = None
    document_B1: Tensor | None = None

    def __init__(self, reserve: int = 0) -> None:
        require(reserve >= 0, "reserve", "zero or more tokens", reserve)
        self.reserve = reserve
        self._layers: dict[int, LayerCache] = {}

    @property
    def num_tokens(self) -> int:
        """Tokens of a row so far, padding included; layers may hold fewer."""
        return 0 if self.spots is None else len(self.spots.place_S)

    @property
    def num_rows(self) -> int:
        """Rows, B; 0 before the first tokens."""
        return next((len(part) for layer in self._layers.values() for part in layer.parts), 0)

    @property
    def num_bytes(self) -> int:
        """Bytes of the keys and values that are held; room for later ones is not counted."""
        held = (part for layer in self._layers.values() for part in layer.held)
        return sum(part.numel() * part.element_size() for part in held)

    def layer(self, number: int) -> LayerCache:
        """What the layer of that number holds."""
        return self._layers.setdefault(number, LayerCache(self.reserve))

    def select(self, row_B: Tensor) -> None:
        """Keep some rows, in this order; one may come several times.

        Args:
            row_B: Their numbers, int64.
        """
        for layer in self._layers.values():
            layer.select(row_B)
        if self.spots is not None:
            place_S, position_S, run_BS = self.spots
            position_S = position_S if position_S.ndim == 1 else position_S[row_B]
            self.spots = Spots(place_S, position_S, None if run_BS is None else run_BS[row_B])
        if self.document_B1 is not None:
            self.document_B1 = self.document_B1[row_B]


def seen_places(num_before: int, num_new: int, window: int, device: torch.device) -> Tensor:
    """Places in the row of the tokens that :meth:`LayerCache.extend` returns, (N,).

    Args:
        num_before: Tokens before the new ones.
        num_new: New tokens.
        window: Tokens that a token sees at most.
        device: Of the result.
    """
    if _overwrites_nothing(num_before, num_new, window):
        return _slot_places(num_before + num_new, window, device)
    new_S = torch.arange(num_before, num_before + num_new, device=device)
    return torch.cat([_slot_places(num_before, window, device), new_S])


def _overwrites_nothing(num_before: int, num_new: int, window: int) -> bool:
    """Whether new tokens may lie in their slots while they are looked at: one alone sees no more than a window."""
    return num_before + num_new <= window or num_new == 1


def _slot_places(num_tokens: int, window: int, device: torch.device) -> Tensor:
    """The place in the row of what lies in each slot."""
    last, slot_N = num_tokens - 1, torch.arange(min(num_tokens, window), device=device)
    return last - (last - slot_N) % window
