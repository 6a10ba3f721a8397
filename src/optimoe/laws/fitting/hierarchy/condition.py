"""Effects of one corpus given runs of it: the shared law held, draw by draw."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from optimoe.laws.effects import SCALE, CorpusEffects
from optimoe.laws.fitting.hierarchy.model import GroupedModel
from optimoe.laws.fitting.hierarchy.problem import HierarchyOptions, make_grouped_model, solve_grouped
from optimoe.laws.fitting.hierarchy.spread import known_spread
from optimoe.laws.fitting.solve import Solutions
from optimoe.laws.runs import Observations

RESIDUAL_RUNS = 4.0
"""Runs that the other corpora's residual scale is worth in a new one (assumed): one run says nothing of it."""


ASSUMED_CORPORA = 4.0
"""Corpora that a spread is worth which no corpus has shown."""


@dataclass(frozen=True, kw_only=True)
class Conditioned:
    """A family on the runs of one corpus, to be asked about its effects.

    Attributes:
        model: With one corpus.
        effects: The spread over corpora.
        options: Residuals: their scale before the runs is that of the other corpora.
    """

    model: GroupedModel
    effects: CorpusEffects
    options: HierarchyOptions

    def solve(
        self,
        shared: Float[np.ndarray, "fits shared"],
        expected: Float[np.ndarray, "fits effects"],
        free: Bool[np.ndarray, " effects"],
        *,
        weights: Float[np.ndarray, "fits runs"],
        noise: Float[np.ndarray, "fits runs"],
    ) -> Solutions:
        """The most probable effects of the corpus under each shared law.

        Args:
            shared: Coordinates of the shared law, held.
            expected: Means of the effects' prior: zero, or drawn from it for draws of the posterior.
            free: Effects that the runs may move; the others stay as expected.
            weights: Of the runs.
            noise: Added to ln L of the runs: zero, or drawn.
        """
        model, fits = self.model, len(shared)
        starts = np.hstack([shared, expected])
        low, high = starts.copy(), starts.copy()
        low[:, model.shared :][:, free] = model.low[model.shared :][free]
        high[:, model.shared :][:, free] = model.high[model.shared :][free]
        whitened = expected @ model.effect_root.T
        starts[:, model.shared :] = self._level(shared, expected, free, weights, noise)
        return solve_grouped(
            model,
            self.options,
            starts,
            weights=np.hstack([weights, np.ones((fits, len(free) + 1))]),
            targets=np.hstack([model.log_loss + noise, whitened, np.zeros((fits, 1))]),
            low=low,
            high=high,
        )

    def residual_scale(
        self, solutions: Solutions, weights: Float[np.ndarray, "fits runs"], free: Bool[np.ndarray, " effects"]
    ) -> Float[np.ndarray, "fits 1"]:
        """Residual scales, larger by what the free effects took from the residuals: σ²·n/(n − effects).

        n counts the runs and those that the prior of σ is worth: a single run is always fitted, and says nothing.
        """
        runs = weights.sum(axis=1, keepdims=True) + self.options.residual_runs
        return solutions.scale * np.sqrt(
            runs / (runs - np.minimum(free.sum(), weights.sum(axis=1, keepdims=True)))
        )

    def _level(
        self,
        shared: np.ndarray,
        expected: np.ndarray,
        free: np.ndarray,
        weights: np.ndarray,
        noise: np.ndarray,
    ) -> Float[np.ndarray, "fits effects"]:
        """Effects with the scale that brings the law to the runs' level.

        Without it a single run far from the expected level is an outlier to Student-t residuals, and stays one:
        the objective has two minima.
        """
        effects = expected.copy()
        if SCALE in self.effects.names and free[self.effects.names.index(SCALE)]:
            predicted = self.model.predict(np.hstack([shared, effects]))[0][:, : self.model.num_runs]
            short = (weights * (self.model.log_loss + noise - predicted)).sum(axis=1) / weights.sum(axis=1)
            effects[:, self.effects.names.index(SCALE)] += short
        return effects

    def errors(
        self,
        point: Float[np.ndarray, " coordinates"],
        scale: Float[np.ndarray, " groups"],
        free: Bool[np.ndarray, " effects"],
        *,
        further: Mapping[str, np.ndarray] | None = None,
    ) -> Float[np.ndarray, " effects"]:
        """Standard deviations of the effects at a point (Laplace), the shared law held; held ones keep theirs.

        Args:
            point: Coordinates.
            scale: Of the residuals.
            free: Effects that the runs may move.
            further: Variables of runs that are planned, and count as if they were done.
        """
        model = self.model
        _, slope = model.predict(point[None])
        rows = slope[0, model.shared :, : model.num_runs]
        if further is not None:
            size = len(next(iter(further.values())))
            planned = Observations(variables=dict(further), loss=np.ones(size))
            more = condition_on(planned, model.family.family, self.effects).model
            rows = np.hstack([rows, more.predict(point[None])[1][0, model.shared :, :size]])
        precision = (self.options.degrees + 1) / (self.options.degrees + 3) / scale[0] ** 2
        known = np.linalg.inv(self.effects.matrix()) + precision * rows @ rows.T
        std = np.sqrt(np.diag(self.effects.matrix()))
        std[free] = np.sqrt(np.diag(np.linalg.inv(known[np.ix_(free, free)])))
        return std


def condition_on(
    observations: Observations, family: str, effects: CorpusEffects, *, corpus: str = "runs"
) -> Conditioned:
    """A family on the runs of one corpus, with the spread and the residuals of others as prior."""
    options = HierarchyOptions(
        degrees=effects.degrees,
        residual_scale=effects.residual_scale,
        residual_runs=RESIDUAL_RUNS,
        prior_degrees=len(effects.corpora) + effects.strength or ASSUMED_CORPORA,
    )
    model = make_grouped_model({corpus: observations}, family, effects.names, options, None)
    return Conditioned(model=model.with_spread(known_spread(effects)), effects=effects, options=options)
