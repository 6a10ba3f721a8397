"""Draws of what a law may be: its coefficients, its bend beyond the range of its runs, the way it is read."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
from jaxtyping import Float

from optimoe.arch.params import count_params
from optimoe.arch.spec import ArchSpec
from optimoe.core.errors import InputError
from optimoe.laws.catalog import find_law
from optimoe.laws.effects import SCALE
from optimoe.laws.fitting.draws import law_draws
from optimoe.laws.loss_law import LossLaw, TokenCurve
from optimoe.planner.designs import curve_of

PerDraw = Float[np.ndarray, "draws 1"]

FLOOR = "E"
"""The coefficient whose difference between corpora is a floor of their own."""

DATA_BEND, SIZE_BEND, EXPANSION_BEND = 0.6, 0.18, 0.03
"""How far ln of a term of the loss is off for each decade beyond the range, as a standard deviation: of the data
term, of the size term, and of this between designs a decade of N_total/N_act apart. Chinchilla's runs of most
tokens and its largest models predicted from the others, Clark's likewise (``benchmarks/beyond_range.py``)."""


TESTS = 3
"""Largest sizes that Clark's smaller models were held against."""


@dataclass(frozen=True, kw_only=True)
class LawDraws:
    """Many laws in one, as uncertain as their runs left it, and more beyond them.

    With L = E + size term + data term, ln of the data term moves in a draw by 0.6·z·decades that D or D/N lie
    beyond the fitted range, ln of the size term by 0.18·z·decades of each other variable; and by 0.03·t·Δ·decades
    of any, Δ the decades of expansion from the choice's. z is standard normal, t Student's of 3 degrees for the
    three tests that it is known from, one each for a variable and a draw. Where a law is read by assumption L
    moves by u times what the reading moves it, u even between −1 and 1.

    Attributes:
        law: The law itself.
        many: The law with every coefficient a column, one row a draw.
        draws: How many.
        seed: Of bends and readings.
        known: Whether its coefficients were drawn; otherwise they are the law's own in every row.
    """

    law: LossLaw
    many: LossLaw
    draws: int
    seed: int = 0
    known: bool = True

    def first(self, draws: int) -> "LawDraws":
        """The first of the draws."""
        columns = {name: np.asarray(value)[:draws] for name, value in self.many.row.coefficients.items()}
        return replace(self, many=_with_columns(self.law, columns), draws=min(draws, self.draws))

    def _normal(self, name: str) -> PerDraw:
        return np.random.default_rng([self.seed, *name.encode()]).standard_normal((self.draws, 1))

    def _few(self, name: str) -> PerDraw:
        """As a normal one, of a spread that three tests tell."""
        return np.random.default_rng([self.seed, *b"apart", *name.encode()]).standard_t(TESTS, (self.draws, 1))

    def curve(self, arch: ArchSpec, tokens: np.ndarray, expansion: float) -> TokenCurve:
        """Loss against distinct tokens of a grid in every draw, (draws, designs); NaN where it ranks none.

        Args:
            arch: The grid.
            tokens: Training tokens of each, which say how far beyond the range it lies.
            expansion: N_total/N_act of the choice.
        """
        shape = (self.draws, len(tokens))
        curve = curve_of(self.many, arch, shape)
        if np.all(np.isnan(curve.floor)):
            return curve
        params = count_params(arch)
        apart = np.log10(np.divide(params.total, params.active) / expansion)
        size, data = np.zeros(shape), np.zeros(shape)
        for symbol, decades in self.law.decades_beyond(arch, tokens).items():
            if not np.any(decades > 0):
                continue
            size = size + EXPANSION_BEND * self._few(symbol) * apart * decades
            if symbol[0] == "D" or symbol == "tokens_per_param":
                data = data + DATA_BEND * self._normal(symbol) * decades
            else:
                size = size + SIZE_BEND * self._normal(symbol) * decades
        least = np.minimum(np.asarray(self.many.row.coefficients.get(FLOOR, 0.0)), curve.floor)
        floor = least + (curve.floor - least) * np.exp(size) + self.readings * self._gap(arch, tokens)
        return TokenCurve(floor=floor, scale=curve.scale * np.exp(data), exponent=curve.exponent)

    def _gap(self, arch: ArchSpec, tokens: np.ndarray) -> np.ndarray:
        """What the reading of a law moves the loss of each design by; zero where it is not read by assumption."""
        gap = np.broadcast_to(self.law.reading_gap(arch, tokens), np.shape(tokens))
        return np.nan_to_num(np.asarray(gap, dtype=float))

    @property
    def readings(self) -> PerDraw:
        """Where between less and more the truth of what is read by assumption lies, −1 to 1."""
        return np.random.default_rng([self.seed, *b"reading"]).uniform(-1, 1, (self.draws, 1))

    @property
    def knows_corpora(self) -> bool:
        """Whether the law says how corpora differ around it."""
        effects = self.law.row.effects
        return effects is not None and bool(effects.names)

    def of_corpora(self) -> LossLaw:
        """The draws for a corpus that nobody has trained on: each with a floor and a scale of its own.

        As far as the law knows how corpora differ around it; effects on other coefficients are left out, as they
        are by :meth:`CorpusEffects.spread_of`.
        """
        effects = self.law.row.effects
        if effects is None or not self.knows_corpora:
            return self.many
        random = np.random.default_rng([self.seed, *b"corpus"])
        drawn = random.multivariate_normal(np.zeros(len(effects.names)), effects.matrix(), self.draws)
        moved = dict(zip(effects.names, drawn.T[:, :, None], strict=True))
        values = dict(self.many.row.coefficients)
        if FLOOR in moved and FLOOR in values:
            values[FLOOR] = np.maximum(np.asarray(values[FLOOR]) + moved[FLOOR], 0.0)
        factor = np.exp(moved.get(SCALE, np.zeros((self.draws, 1))))
        values |= {name: np.asarray(values[name]) * factor for name in self.law.linear}
        return _with_columns(self.law, values)


@cache
def draws_of(law: LossLaw, draws: int = 200, seed: int = 0) -> LawDraws:
    """Draws of a law.

    Raises:
        InputError: The law's scatter or range is not stated, or its family cannot be fitted.
    """
    return LawDraws(law=law, many=law_draws(law, draws, seed=seed), draws=draws, seed=seed)


def certain(law: LossLaw, draws: int, seed: int = 0) -> LawDraws:
    """A law whose coefficients are taken as known in every draw: only what lies beyond its runs is drawn."""
    columns = {name: np.full((draws, 1), value) for name, value in law.row.coefficients.items()}
    return LawDraws(law=law, many=_with_columns(law, columns), draws=draws, seed=seed, known=False)


def draws_or_certain(law: LossLaw, draws: int, seed: int = 0) -> LawDraws:
    """Draws of a law, or the law itself in every draw where nothing says how sure it is."""
    try:
        return draws_of(law, draws, seed)
    except InputError:
        return certain(law, draws, seed)


def _with_columns(law: LossLaw, columns: Mapping[str, Any]) -> LossLaw:
    return type(law)(law.row.with_coefficients(dict(columns)), find_law)
