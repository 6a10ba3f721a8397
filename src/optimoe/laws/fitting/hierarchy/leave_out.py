"""Does a law carry over? Each corpus left out in turn, then predicted after one scale, one offset or one run."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Float

from optimoe.core.errors import require
from optimoe.core.progress import counted
from optimoe.laws.evidence import FitVerdict
from optimoe.laws.fitting.hierarchy.condition import Conditioned, condition_on
from optimoe.laws.fitting.hierarchy.draws import HierarchyDraws, draw_hierarchy
from optimoe.laws.fitting.hierarchy.fit import fit_hierarchy
from optimoe.laws.fitting.hierarchy.problem import HierarchyOptions
from optimoe.laws.fitting.hierarchy.result import HierarchicalFit
from optimoe.laws.runs import Observations

LEVEL_ENDS = (0.05, 0.95)
"""Of bands of 90 %."""
ANCHORS = 40
"""Runs tried as the anchor of a band, spread evenly over the corpus: a mean over more moves by little."""


@dataclass(frozen=True, kw_only=True)
class Carried:
    """Errors of a law on the runs of a corpus that it has not seen, root mean squares in nats.

    Attributes:
        unchanged: As the law stands.
        scale: After one factor for all runs, exp of the mean of ln L − ln L_law.
        offset: After one difference, the mean of L − L_law.
        both: After scale and offset by least squares.
        one_run: After the factor that makes one run exact, on the others: median over the runs as anchor.
    """

    unchanged: float
    scale: float
    offset: float
    both: float
    one_run: float


@dataclass(frozen=True, kw_only=True)
class HeldBand:
    """A band of 90 % held against runs that it was not made from.

    Attributes:
        inside: Share of runs inside.
        half_width: Mean half width in nats.
        rmse: Of the median of the draws, nats.
    """

    inside: float
    half_width: float
    rmse: float


@dataclass(frozen=True, kw_only=True)
class LeftOut:
    """A corpus that was predicted from the others.

    Attributes:
        corpus: Its name.
        runs: How many it has.
        coefficients: Of the shared law of the others.
        verdict: Of their fit.
        carried: Errors of that shared law.
        unseen: Its band without any run of the corpus.
        after_one_run: Its band after one run, averaged over the runs as anchor (rmse: median).
        after_scale: Its band after all runs gave the scale.
    """

    corpus: str
    runs: int
    coefficients: dict[str, float]
    verdict: FitVerdict
    carried: Carried
    unseen: HeldBand
    after_one_run: HeldBand
    after_scale: HeldBand


def carry_over(predicted: Float[np.ndarray, " runs"], loss: Float[np.ndarray, " runs"]) -> Carried:
    """Errors of any law on the runs of another corpus, after as few numbers as that corpus would give.

    Args:
        predicted: Loss by the law, nats.
        loss: Measured.

    Raises:
        ConfigError: There are fewer than three runs.
    """
    require(len(loss) > 2, "runs", "at least three of a corpus", len(loss))
    basis = np.stack([predicted, np.ones_like(predicted)], axis=1)
    fitted = basis @ np.linalg.lstsq(basis, loss, rcond=None)[0]
    anchored = loss[None] - predicted[None] * (loss / predicted)[:, None]
    others = len(loss) - 1
    return Carried(
        unchanged=_rmse(loss - predicted),
        scale=_rmse(loss - predicted * np.exp(np.mean(np.log(loss / predicted)))),
        offset=_rmse(loss - predicted - np.mean(loss - predicted)),
        both=_rmse(loss - fitted),
        one_run=float(np.median(np.sqrt((anchored**2).sum(axis=1) / others))),
    )


def leave_one_corpus_out(
    groups: Mapping[str, Observations],
    family: str,
    *,
    draws: int = 100,
    seed: int = 0,
    anchors: int = ANCHORS,
    overrides: Mapping[str, Mapping[str, Any]] | None = None,
    **how: Any,
) -> tuple[LeftOut, ...]:
    """Refit without each corpus and predict it.

    Args:
        groups: The runs of each corpus.
        family: Its name.
        draws: Behind each band.
        seed: Of the draws.
        anchors: How many runs of a corpus are tried as the one that it gives, for the band after one run.
        overrides: By corpus, arguments of the fit without it that differ: a coefficient that only this corpus
            identifies takes a prior there.
        how: Arguments of :func:`fit_hierarchy`, such as ``per_group``, ``priors``, ``options``.

    Raises:
        ConfigError: There is one corpus only, or the others cannot be fitted.
    """
    require(len(groups) > 1, "groups", "at least two corpora, to leave one out", len(groups))
    found = []
    for number, (corpus, runs) in enumerate(counted([*groups.items()])):
        others = {name: group for name, group in groups.items() if name != corpus}
        stated = {**how, **(overrides or {}).get(corpus, {})}
        options = stated.get("options") or HierarchyOptions()
        weights = {name: weight for name, weight in options.weights.items() if name in others}
        fitted = fit_hierarchy(others, family, **stated | {"options": replace(options, weights=weights)})
        drawn = draw_hierarchy(others, fitted, draws=draws, seed=seed + number)
        found.append(hold_corpus(corpus, runs, fitted, drawn, seed=seed + number, anchors=anchors))
    return tuple(found)


def hold_corpus(
    corpus: str,
    runs: Observations,
    fitted: HierarchicalFit,
    drawn: HierarchyDraws,
    *,
    seed: int = 0,
    anchors: int = ANCHORS,
) -> LeftOut:
    """A fit of other corpora held against the runs of one that it has not seen."""
    random = np.random.default_rng(seed)
    asked = condition_on(runs, fitted.law.family, fitted.corpus_effects, corpus=corpus)
    predicted = np.exp(asked.model.whole.predict(fitted.point[None, : fitted.model.shared])[0][0])
    tried = np.unique(np.linspace(0, len(runs) - 1, anchors).astype(int))
    single = [_after(asked, runs, drawn, int(anchor), random) for anchor in tried]
    effects = drawn.new
    points = np.hstack([drawn.shared, effects])
    typical = np.full((len(drawn), 1), fitted.corpus_effects.residual_scale)
    return LeftOut(
        corpus=corpus,
        runs=len(runs),
        coefficients=fitted.coefficients,
        verdict=fitted.verdict,
        carried=carry_over(predicted, runs.loss),
        unseen=_held_against(asked, runs, points, typical, random, np.ones(len(runs), dtype=bool)),
        after_one_run=HeldBand(
            inside=float(np.mean([one.inside for one in single])),
            half_width=float(np.mean([one.half_width for one in single])),
            rmse=float(np.median([one.rmse for one in single])),
        ),
        after_scale=_after(asked, runs, drawn, None, random),
    )


def _after(
    asked: Conditioned, runs: Observations, drawn: HierarchyDraws, anchor: int | None, random: np.random.Generator
) -> HeldBand:
    """The band after one run (the others are held against it), or after all."""
    weights = np.ones((len(drawn), len(runs)))
    held = np.ones(len(runs), dtype=bool)
    if anchor is not None:
        weights[:] = 0.0
        weights[:, anchor], held[anchor] = 1.0, False
    noise = asked.effects.residual_scale * random.standard_t(asked.effects.degrees, weights.shape)
    free = np.array([True] * len(asked.effects.names), dtype=bool)
    solutions = asked.solve(drawn.shared, drawn.new, free, weights=weights, noise=noise)
    scale = asked.residual_scale(solutions, weights, free)
    return _held_against(asked, runs, solutions.points, scale, random, held)


def _held_against(
    asked: Conditioned,
    runs: Observations,
    points: np.ndarray,
    scale: np.ndarray,
    random: np.random.Generator,
    held: np.ndarray,
) -> HeldBand:
    log_loss = asked.model.predict(points)[0][:, : len(runs)]
    losses = np.exp(log_loss + scale * random.standard_t(asked.effects.degrees, log_loss.shape))[:, held]
    low, high = np.quantile(losses, LEVEL_ENDS, axis=0)
    loss = runs.loss[held]
    middle = np.exp(np.median(log_loss, axis=0))[held]
    return HeldBand(
        inside=float(np.mean((loss >= low) & (loss <= high))),
        half_width=float(np.mean(high - low) / 2),
        rmse=_rmse(loss - middle),
    )


def _rmse(error: np.ndarray) -> float:
    return float(np.sqrt(np.mean(error**2)))
