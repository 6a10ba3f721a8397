"""How sure a law over corpora is: refits with corpora, runs and priors drawn anew, and bands of predictions."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from optimoe.core.arrays import Values
from optimoe.core.errors import UnknownNameError, require
from optimoe.laws.catalog.limits import possible_draws
from optimoe.laws.fitting.hierarchy.model import GroupedModel
from optimoe.laws.fitting.hierarchy.problem import solve_grouped
from optimoe.laws.fitting.hierarchy.result import HierarchicalFit
from optimoe.laws.fitting.intervals import Band, groups_of
from optimoe.laws.law import LawRow
from optimoe.laws.runs import Observations

FEW_RUNS = 12
"""With fewer, residuals are drawn in place of weights (assumed): weights of one run, or three, say nothing."""


@dataclass(frozen=True, kw_only=True)
class HierarchyDraws:
    """Many laws over the same corpora, as uncertain as corpora, runs and priors leave it.

    Attributes:
        model: The family on the runs.
        shared: Coordinates of the shared law, one row a draw.
        effects: By corpus, its effects, one row a draw.
        new: Effects of corpora that nobody has seen, one row a draw.
        residual_scale: By corpus, the scale of its residuals, one value a draw.
        degrees: ν of the residuals.
        cluster: What was drawn together: a label, or ``row``.
        converged: Share of the refits that converged; the others are kept.
    """

    model: GroupedModel
    shared: Float[np.ndarray, "draws shared"]
    effects: dict[str, Float[np.ndarray, "draws effects"]]
    new: Float[np.ndarray, "draws effects"]
    residual_scale: dict[str, Float[np.ndarray, " draws"]]
    degrees: float
    cluster: str
    converged: float

    def __len__(self) -> int:
        return len(self.shared)

    def coefficients(self, corpus: str | None = None) -> dict[str, Float[np.ndarray, " draws"]]:
        """Plain coefficients of the family, one value a draw: of a corpus, or of the shared law (no effects)."""
        return self.model.coefficients_of(self.shared, self._effects(corpus))

    def _effects(self, corpus: str | None) -> np.ndarray:
        if corpus is None:
            return np.zeros_like(self.new)
        if corpus not in self.effects:
            raise UnknownNameError("corpus", corpus, self.effects)
        return self.effects[corpus]

    def losses(self, variables: Mapping[str, Values], corpus: str | None = None) -> np.ndarray:
        """Loss of designs, of shape (draws, designs), for a corpus of the fit or (none) one without runs."""
        designs = dict(zip(variables, np.broadcast_arrays(*map(np.atleast_1d, variables.values())), strict=True))
        effects = self.new if corpus is None else self._effects(corpus)
        points, log_scale = self.model.moved(self.shared, effects)
        columns = {name: value[:, None] for name, value in self.model.whole.coefficients(points).items()}
        return np.asarray(self.model.whole.law(columns).loss(**designs)) * np.exp(log_scale)[:, None]

    def residuals(self, shape: tuple[int, ...], corpus: str | None, random: np.random.Generator) -> np.ndarray:
        """Residuals of ln L of single runs; of a corpus without runs, those of any corpus of the fit."""
        known = [self.residual_scale[corpus]] if corpus else list(self.residual_scale.values())
        rows = np.arange(len(self))
        scale = np.stack(known)[random.integers(len(known), size=len(self)), rows]
        return scale[:, None] * random.standard_t(self.degrees, shape)


def draw_hierarchy(
    groups: Mapping[str, Observations],
    fitted: HierarchicalFit,
    *,
    draws: int = 200,
    cluster: str = "",
    seed: int = 0,
) -> HierarchyDraws:
    """Refit with corpora and their runs weighted anew, all draws as one batch.

    Weights are those of the Bayesian bootstrap (Rubin 1981), exponential variables over their mean: one a corpus,
    times one a run (or cluster) within its corpus; the prior of a corpus' effects has its corpus' weight. Means of
    priors and effects are drawn from their own distributions (randomise, then optimise), so that what only a prior
    determines is as uncertain as the prior says. Corpora of fewer than 12 runs get residuals drawn in place of
    weights. CorpusSpread between corpora enters twice, by weights and by effects
    drawn: the level of the shared law is somewhat less sure than its posterior, on the safe side.

    Args:
        groups: The runs of the fit.
        fitted: The fit.
        draws: How many.
        cluster: A label or variable whose rows are weighted together: rows of one training curve are not
            independent.
        seed: Of the draws.
    """
    require(draws >= 2, "draws", "at least 2", draws)
    random = np.random.default_rng(seed)
    model = fitted.model
    weights = draw_weights(groups, fitted, draws, cluster, random)
    targets = np.tile(model.targets(), (draws, 1))
    drawn = slice(model.num_runs, model.effect_rows.stop)
    targets[:, drawn] += random.standard_normal((draws, drawn.stop - drawn.start))
    targets[:, : model.num_runs] += draw_noise(groups, fitted, draws, random)
    solutions = solve_grouped(
        model, fitted.options, np.tile(fitted.point, (draws, 1)), weights=weights, targets=targets
    )
    return HierarchyDraws(
        model=model,
        shared=solutions.points[:, : model.shared],
        effects={group: solutions.points[:, model.own(group)] for group in model.groups},
        new=fitted.spread.draw_effects(draws, random),
        residual_scale={group: solutions.scale[:, row] for row, group in enumerate(model.groups)},
        degrees=fitted.options.degrees,
        cluster=cluster or "row",
        converged=float(solutions.converged.mean()),
    )


def draw_weights(
    groups: Mapping[str, Observations],
    fitted: HierarchicalFit,
    draws: int,
    cluster: str,
    random: np.random.Generator,
) -> Float[np.ndarray, "draws rows"]:
    """Weights of runs and of effects; those of the priors of shared coefficients stay one."""
    model = fitted.model
    weights = np.tile(model.weights(fitted.options.weights), (draws, 1))
    outer = _bayesian(draws, len(groups), random)
    weights[:, : model.num_runs] *= outer[:, model.group]
    for number, runs in enumerate(groups.values()):
        rows = np.flatnonzero(model.group == number)
        kinds = groups_of(runs, cluster) if cluster else np.arange(len(runs))
        if len(runs) >= FEW_RUNS:
            weights[:, rows] *= _bayesian(draws, int(kinds.max()) + 1, random)[:, kinds]
    weights[:, model.effect_rows] *= outer[:, model.effect_groups()]
    return weights


def draw_noise(
    groups: Mapping[str, Observations], fitted: HierarchicalFit, draws: int, random: np.random.Generator
) -> Float[np.ndarray, "draws runs"]:
    """Residuals that are added to ln L of corpora with few runs, Student-t of their own scale; zero elsewhere."""
    few = [fitted.residual_scale[group] if len(runs) < FEW_RUNS else 0.0 for group, runs in groups.items()]
    group = fitted.model.group
    return np.array(few)[group] * random.standard_t(fitted.options.degrees, (draws, len(group)))


def _bayesian(draws: int, items: int, random: np.random.Generator) -> np.ndarray:
    """Weights of items with mean one in each draw."""
    weight = random.standard_exponential((draws, items))
    return weight / weight.mean(axis=1, keepdims=True)


def documented_corpora(fitted: HierarchicalFit, drawn: HierarchyDraws | None, *, date: str = "") -> LawRow:
    """The shared law with its draws and the spread between corpora, for a law file.

    Args:
        fitted: The fit.
        drawn: Its draws; those that no law can be are left out.
        date: Day of the fit, ISO 8601.
    """
    row = fitted.law
    evidence = replace(row.evidence, date=date)
    if drawn is None:
        return replace(row, evidence=evidence)
    columns = drawn.coefficients()
    kept = np.flatnonzero(possible_draws(row, columns))
    vary = [name for name, values in columns.items() if len(kept) > 1 and np.ptp(values[kept]) > 0]
    draws = {name: tuple(map(float, columns[name][kept])) for name in vary}
    return replace(row, draws=draws, evidence=replace(evidence, cluster=f"corpus and {drawn.cluster}"))


def predict_corpus(
    fitted: HierarchicalFit,
    drawn: HierarchyDraws,
    variables: Mapping[str, Values],
    *,
    corpus: str | None = None,
    level: float = 0.9,
    seed: int = 0,
) -> Band:
    """The loss of designs for a corpus of the fit or one without runs; bands of the law and of single runs.

    Args:
        fitted: The fit.
        drawn: Its draws.
        variables: Designs in the law's variables, each a number or of shape (designs,).
        corpus: Its name; none: a corpus that nobody has seen, whose effects are drawn from the spread.
        level: Of both bands.
        seed: Of the residuals that are added for single runs.
    """
    require(0 < level < 1, "level", "between 0 and 1", level)
    losses = drawn.losses(variables, corpus)
    random = np.random.default_rng(seed)
    runs = losses * np.exp(drawn.residuals(losses.shape, corpus, random))
    ends = (0.5 - level / 2, 0.5 + level / 2)
    row = fitted.corpora[corpus] if corpus else fitted.law
    designs = dict(zip(variables, np.broadcast_arrays(*map(np.atleast_1d, variables.values())), strict=True))
    middle = np.broadcast_to(fitted.model.family(row).loss(**designs), losses.shape[1:])
    low, high = np.quantile(losses, ends, axis=0)
    run_low, run_high = np.quantile(runs, ends, axis=0)
    return Band(loss=middle, low=low, high=high, run_low=run_low, run_high=run_high)
