"""A family on the runs of several corpora: shared coordinates, those of each corpus, and rows of priors."""

import copy
from collections.abc import Mapping
from inspect import signature
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from scipy.linalg import solve_triangular

from optimoe.core.errors import ConfigError, UnknownNameError, require
from optimoe.laws.catalog import find_family
from optimoe.laws.effects import SCALE
from optimoe.laws.fitting.hierarchy.spread import CorpusSpread
from optimoe.laws.fitting.model import Model
from optimoe.laws.fitting.priors import GaussianPrior
from optimoe.laws.fitting.solve import Points
from optimoe.laws.runs import Observations

LIMIT_LOG_SCALE = 3.0
"""Bounds of ln scale: no two losses in nats a token differ by a factor of twenty."""
LIMIT_EFFECT = 1e3
"""Bounds of other effects: the spread between corpora holds them long before."""


class GroupedModel:
    """ln L of every run of every corpus, as the batched solver sees it.

    A point is [θ, u_1, …, u_G]: the family's own coordinates θ, then the effects of each corpus. Corpus g has the
    coordinates θ + u_g, and its loss is multiplied by exp(u_g) of ``scale``. Rows are the runs, corpus by corpus,
    then the prior of θ, then the effects of each corpus, the last two in standard deviations (whitened), and one
    for the residual scale of each corpus, which no coordinate moves.

    Attributes:
        groups: Names of the corpora.
        effects: What each has of its own.
        names: Of all coordinates: ``alpha``, ``E of marin``, ``scale of marin``.
        shared: How many of them belong to the family.
        low: Lower bounds of the coordinates.
        high: Upper bounds.
        group: Number of the corpus of every run.
        log_loss: ln L of every run.
        prior: Of shared coordinates.
        effect_root: W with WᵀW = Σ⁻¹, the whitening of the effects.
    """

    def __init__(
        self,
        groups: Mapping[str, Observations],
        family: str,
        effects: tuple[str, ...],
        *,
        starts: Mapping[str, tuple[float, ...]],
        bounds: Mapping[str, tuple[float, float]],
        fixed: Mapping[str, float],
        tied: Mapping[str, str],
        prior: GaussianPrior | None,
    ) -> None:
        require(len(groups) > 0, "groups", "at least one table of runs", "none")
        self.family = find_family(family)
        given: dict[str, Any] = {"starts": starts, "bounds": bounds, "fixed": fixed, "tied": tied}
        self.parts = {name: Model(runs, self.family, **given) for name, runs in groups.items()}
        self.whole = Model(_joined(self.parts), self.family, **given)
        self.groups, self.effects = tuple(groups), effects
        self._columns = [self._column(name, fixed) for name in effects]
        self.shared = len(self.whole.names)
        own = [f"{effect} of {group}" for group in groups for effect in effects]
        self.names = (*self.whole.names, *own)
        limit = [LIMIT_LOG_SCALE if effect == SCALE else LIMIT_EFFECT for effect in effects] * len(groups)
        self.low = np.concatenate([self.whole.low, -np.array(limit)])
        self.high = np.concatenate([self.whole.high, np.array(limit)])
        counts = [len(part.log_loss) for part in self.parts.values()]
        self.group = np.repeat(np.arange(len(groups)), counts)
        self.log_loss = np.concatenate([part.log_loss for part in self.parts.values()])
        self.positive_terms = self.whole.positive_terms
        self._set_prior(prior)
        self.effect_root = np.eye(len(effects))

    def _column(self, effect: str, fixed: Mapping[str, float]) -> int:
        """Place of the coordinate that an effect moves; −1 for the scale."""
        if effect == SCALE:
            return -1
        names = self.whole.names
        if effect not in names:
            raise UnknownNameError("per_group: coefficient", effect, (*names, SCALE))
        require(effect not in fixed, f"per_group: {effect}", "a coefficient that is not fixed", fixed.get(effect))
        return names.index(effect)

    def _set_prior(self, prior: GaussianPrior | None) -> None:
        names = prior.names if prior else ()
        self.prior = prior
        for name in names:
            if name not in self.whole.names:
                raise UnknownNameError("prior: coefficient", name, self.whole.names)
            is_log = bool(self.whole.is_log[self.whole.names.index(name)])
            require(
                is_log == (name in (prior.logs if prior else ())),
                f"prior of {name}",
                "in the coordinates of the fit (limits that reach zero change them)",
                "a logarithm" if not is_log else "no logarithm",
            )
        self._prior_columns = [self.whole.names.index(name) for name in names]
        self._prior_root = _whitening(prior.matrix() if prior else np.zeros((0, 0)))
        self._prior_target = self._prior_root @ np.array(prior.mean if prior else ())

    def with_spread(self, spread: CorpusSpread) -> "GroupedModel":
        """A copy of the model under another covariance of the effects."""
        model = copy.copy(self)
        model.effect_root = _whitening(spread.covariance)
        return model

    @property
    def num_runs(self) -> int:
        """Runs of all corpora."""
        return len(self.log_loss)

    @property
    def num_priors(self) -> int:
        """Rows of the priors of shared coordinates."""
        return len(self._prior_columns)

    @property
    def num_free(self) -> int:
        """Shared coordinates that move."""
        return int((self.whole.low < self.whole.high).sum())

    @property
    def spare(self) -> int:
        """Runs and priors beyond the shared coordinates that they determine."""
        return self.num_runs + self.num_priors - self.num_free

    def targets(self) -> Float[np.ndarray, " rows"]:
        """What the rows are held against: ln L, the prior's means, and zero for effects and residual scales."""
        zeros = np.zeros(len(self.groups) * (len(self.effects) + 1))
        return np.concatenate([self.log_loss, self._prior_target, zeros])

    def weights(self, by_group: Mapping[str, float] | None = None) -> Float[np.ndarray, " rows"]:
        """One for every row; for the runs of a corpus, its own weight where one is stated."""
        weight = np.ones(len(self.targets()))
        for name, value in (by_group or {}).items():
            if name not in self.groups:
                raise UnknownNameError("weights: corpus", name, self.groups)
            require(0 < value < float("inf"), f"weight of {name}", "positive", value)
            weight[: self.num_runs][self.group == self.groups.index(name)] = value
        return weight

    @property
    def effect_rows(self) -> slice:
        """Rows of the effects."""
        first = self.num_runs + self.num_priors
        return slice(first, first + len(self.groups) * len(self.effects))

    def effect_groups(self) -> Int[np.ndarray, " rows"]:
        """Number of the corpus of every row of effects."""
        return np.repeat(np.arange(len(self.groups)), len(self.effects))

    def own(self, group: str) -> slice:
        """Where the effects of a corpus stand in a point."""
        first = self.shared + self.groups.index(group) * len(self.effects)
        return slice(first, first + len(self.effects))

    def moved(
        self, shared: Points, effects: Float[np.ndarray, "fits effects"]
    ) -> tuple[Points, Float[np.ndarray, " fits"]]:
        """(The family's coordinates with a corpus' effects added, ln scale).

        An effect moves a coefficient no further than the family allows: a floor below zero would be no loss.
        """
        points, log_scale = shared.copy(), np.zeros(len(shared))
        for column, values in zip(self._columns, effects.T, strict=True):
            if column < 0:
                log_scale = log_scale + values
            else:
                points[:, column] = np.clip(
                    points[:, column] + values, self.whole.low[column], self.whole.high[column]
                )
        return points, log_scale

    def coefficients_of(
        self, shared: Points, effects: Float[np.ndarray, "fits effects"]
    ) -> dict[str, Float[np.ndarray, " fits"]]:
        """A corpus' plain coefficients of the family: those of θ + u, the linear ones times the scale."""
        points, log_scale = self.moved(shared, effects)
        values = self.whole.coefficients(points)
        for name in self.family.linear if SCALE in self.effects else ():
            values[name] = values[name] * np.exp(log_scale)
        return values

    def predict(self, points: Points) -> tuple[np.ndarray, np.ndarray]:
        """(Value of every row, of shape (fits, rows); slopes of shape (fits, coordinates, rows))."""
        rows = len(self.targets())
        value, slope = np.zeros((len(points), rows)), np.zeros((len(points), points.shape[1], rows))
        shared = points[:, : self.shared]
        for number, (name, part) in enumerate(self.parts.items()):
            place = np.flatnonzero(self.group == number)
            taken, own = slice(place[0], place[-1] + 1), self.own(name)
            moved, log_scale = self.moved(shared, points[:, own])
            predicted, gradient = part.predict(moved)
            for column, effect in zip(self._columns, points[:, own].T, strict=True):
                if column >= 0:  # a coefficient that is held at its limit no longer follows its effect
                    gradient[:, column] *= (moved[:, column] == shared[:, column] + effect)[:, None]
            value[:, taken] = predicted + log_scale[:, None]
            slope[:, : self.shared, taken] = gradient
            for offset, column in enumerate(self._columns):
                slope[:, own.start + offset, taken] = 1.0 if column < 0 else gradient[:, column]
        self._fill_priors(points, value, slope)
        return value, slope

    def _fill_priors(self, points: Points, value: np.ndarray, slope: np.ndarray) -> None:
        first, last = self.num_runs, self.num_runs + self.num_priors
        value[:, first:last] = points[:, self._prior_columns] @ self._prior_root.T
        slope[:, self._prior_columns, first:last] = self._prior_root.T
        for number, name in enumerate(self.groups):
            own, size = self.own(name), len(self.effects)
            rows = slice(last + number * size, last + (number + 1) * size)
            value[:, rows] = points[:, own] @ self.effect_root.T
            slope[:, own, rows] = self.effect_root.T

    def starts(self, keep: int) -> Points:
        """The family's starts on all runs at once that leave the least scatter within corpora.

        Each corpus starts with the scale that its own runs have against that law. One more start is the best of
        them with the means of the prior.
        """
        points = self.whole.starts()
        with np.errstate(all="ignore"):
            residual = self.log_loss - self.whole.predict(points)[0]
        level = np.stack([residual[:, self.group == number].mean(axis=1) for number in range(len(self.groups))], 1)
        scatter = np.nan_to_num(np.abs(residual - level[:, self.group]).mean(axis=1), nan=np.inf)
        best = np.argsort(scatter, kind="stable")[:keep]
        if not np.isfinite(scatter[best[0]]):
            raise ConfigError(f"family {self.family.family}: cannot be evaluated at any of {len(points)} starts")
        own = np.zeros((len(best), len(self.groups), len(self.effects)))
        if SCALE in self.effects:
            own[:, :, self.effects.index(SCALE)] = np.nan_to_num(level[best])
        found = np.hstack([points[best], own.reshape(len(best), -1)])
        if self.prior is not None:
            expected = found[:1].copy()
            expected[:, self._prior_columns] = self.prior.mean
            found = np.vstack([found, expected])
        return np.clip(found, self.low, self.high)

    def require_scalable(self, point: Float[np.ndarray, " coordinates"]) -> None:
        """Refuse a scale for a family whose loss its linear coefficients do not multiply.

        Raises:
            ConfigError: The loss at doubled linear coefficients is not the double.
        """
        if SCALE not in self.effects:
            return
        values = {name: value[None] for name, value in self.whole.coefficients(point[None, : self.shared]).items()}
        twice = {name: 2 * value if name in self.family.linear else value for name, value in values.items()}
        losses = [np.asarray(self.whole.law(given).loss(**self.whole.variables)) for given in (values, twice)]
        if not np.allclose(2 * losses[0], losses[1], rtol=1e-6):
            raise ConfigError(
                f"per_group: scale needs a loss that is linear in its coefficients {self.family.linear}, "
                f"family {self.family.family} has none"
            )


def _whitening(covariance: np.ndarray) -> np.ndarray:
    """W with WᵀW = covariance⁻¹."""
    if not len(covariance):
        return covariance
    root = np.linalg.cholesky(covariance)
    return solve_triangular(root, np.eye(len(root)), lower=True)


def _joined(parts: Mapping[str, Model]) -> Observations:
    """The runs of all corpora in one table; where a corpus lacks a variable, the loss's own default fills it."""
    first = next(iter(parts.values()))
    defaults = {name: parameter.default for name, parameter in signature(first.family.loss).parameters.items()}
    symbols = dict.fromkeys(symbol for part in parts.values() for symbol in part.variables)
    return Observations(
        variables={
            symbol: np.concatenate(
                [
                    np.broadcast_to(part.variables.get(symbol, defaults[symbol]), part.log_loss.shape)
                    for part in parts.values()
                ]
            ).astype(float)
            for symbol in symbols
        },
        loss=np.exp(np.concatenate([part.log_loss for part in parts.values()])),
    )
