"""Predictions of runs with their bands, and how often a band holds runs that its fit has not seen."""

from dataclasses import dataclass, fields

import numpy as np
from jaxtyping import Bool, Float

from optimoe.core.progress import counted
from optimoe.laws.catalog import find_family
from optimoe.laws.fitting.fit import Fit, fit
from optimoe.laws.fitting.intervals import Band, Resamples, bootstrap, groups_of, predict_band
from optimoe.laws.fitting.model import variables_of
from optimoe.laws.fitting.setup.problem import FitOptions, make_model
from optimoe.laws.fitting.validation import held_rows
from optimoe.laws.runs import Observations

BAND_ROWS = 10_000
"""Rows whose draws are held at once: with 200 of them 16 MB."""
PREDICTED_ROWS = 1000
"""Rows of a large table of which coverage is counted: 90 % of them is known to √(0.9·0.1/1000) = 0.9 %."""


@dataclass(frozen=True, kw_only=True)
class Coverage:
    """How often the bootstrap's band of single runs held runs that took no part in the fit.

    Attributes:
        rule: Which runs were left out: ``5 folds``, or a condition.
        runs: How many runs were predicted.
        level: What the band promises.
        inside: Share of them that lay in it.
        mean_width: Mean width of the band, nats.
        mean_width_of_law: Mean width of the law's own band, without the scatter of runs, nats.
        converged: Whether every fit behind it converged.
    """

    rule: str
    runs: int
    level: float
    inside: float
    mean_width: float
    mean_width_of_law: float
    converged: bool


def predict_runs(
    observations: Observations, fitted: Fit, resamples: Resamples, *, level: float = 0.9, seed: int = 0
) -> Band:
    """The law's prediction of every run with its bands; arguments are those of ``predict_band``."""
    variables = variables_of(find_family(fitted.law.family), observations)
    parts = [
        predict_band(
            fitted,
            resamples,
            {name: column[first : first + BAND_ROWS] for name, column in variables.items()},
            level=level,
            seed=seed + first,
        )
        for first in range(0, len(observations), BAND_ROWS)
    ]
    return Band(**{one.name: np.concatenate([getattr(part, one.name) for part in parts]) for one in fields(Band)})


def band_coverage(
    observations: Observations,
    family: str,
    options: FitOptions,
    *,
    folds: int = 5,
    resamples: int = 200,
    cluster: str = "",
    level: float = 0.9,
    seed: int = 0,
) -> Coverage | None:
    """Cross-fitted coverage: every run is predicted once, by a fit and a bootstrap to the other folds.

    Of a table of over 4,000 rows 1,000 take part, drawn at random: a share of them is known to 0.9 %.

    Args:
        observations: The runs.
        family: Of laws.
        options: How it is fitted.
        folds: How many; fewer where there are fewer clusters.
        resamples: Of each fold's bootstrap.
        cluster: Label or variable whose rows stay, and are drawn, together.
        level: Of the band.
        seed: Of the folds and draws.

    Returns:
        Nothing where there is one cluster only, or a fold leaves no more runs than the family has coefficients.
    """
    some = _some(observations, seed)
    drawn = f" of {len(some)} rows" if len(some) < len(observations) else ""
    observations = some
    groups = groups_of(observations, cluster) if cluster else np.arange(len(observations))
    num_groups = int(groups.max()) + 1
    folds = min(folds, num_groups)
    if folds < 2:
        return None
    fold = np.random.default_rng(seed).permutation(num_groups)[groups] % folds
    masks = [fold == number for number in range(folds)]
    free = len(make_model(observations, family, options).names)
    if min(int((~held).sum()) for held in masks) <= free:
        return None
    return _coverage(
        f"{folds} folds{drawn}", observations, family, options, masks, resamples, cluster, level, seed
    )


def hold_out_coverage(
    observations: Observations,
    family: str,
    options: FitOptions,
    rule: str,
    *,
    resamples: int = 200,
    cluster: str = "",
    level: float = 0.9,
    seed: int = 0,
) -> Coverage:
    """Coverage of the runs that a rule holds out, such as the largest; arguments are those of ``band_coverage``.

    Raises:
        ConfigError: The rule leaves fewer runs than the family has coefficients.
    """
    held = held_rows(observations, rule)
    return _coverage(rule, observations, family, options, [held], resamples, cluster, level, seed)


def _coverage(
    rule: str,
    observations: Observations,
    family: str,
    options: FitOptions,
    masks: list[Bool[np.ndarray, " runs"]],
    resamples: int,
    cluster: str,
    level: float,
    seed: int,
) -> Coverage:
    inside, widths, law_widths, converged = [], [], [], []
    for held in counted(masks):
        seen, unseen = observations.select(~held), _some(observations.select(held), seed)
        fitted = fit(seen, family, options)
        drawn = bootstrap(seen, fitted, resamples=resamples, cluster=cluster, seed=seed)
        band = predict_runs(unseen, fitted, drawn, level=level, seed=seed)
        inside.append((np.asarray(band.run_low) <= unseen.loss) & (unseen.loss <= np.asarray(band.run_high)))
        widths.append(np.asarray(band.run_high) - np.asarray(band.run_low))
        law_widths.append(np.asarray(band.high) - np.asarray(band.low))
        converged.append(fitted.converged)
    return Coverage(
        rule=rule,
        runs=int(sum(map(len, inside))),
        level=level,
        inside=_mean(inside),
        mean_width=_mean(widths),
        mean_width_of_law=_mean(law_widths),
        converged=all(converged),
    )


def _some(observations: Observations, seed: int) -> Observations:
    """Rows that are predicted: some of a large table, all of a small one."""
    if len(observations) <= 4 * PREDICTED_ROWS:
        return observations
    taken = np.random.default_rng(seed).permutation(len(observations)) < PREDICTED_ROWS
    return observations.select(taken)


def _mean(parts: list[Float[np.ndarray, " runs"]] | list[Bool[np.ndarray, " runs"]]) -> float:
    return float(np.concatenate(parts).mean())
