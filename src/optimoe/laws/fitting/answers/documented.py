"""A fit with all that was found out about it, as one law: draws, the test on unseen runs, the day."""

from dataclasses import replace

import numpy as np

from optimoe.laws.catalog.limits import possible_draws
from optimoe.laws.evidence import HoldOutEvidence
from optimoe.laws.fitting.fit import Fit
from optimoe.laws.fitting.intervals import Resamples
from optimoe.laws.fitting.validation import HoldOut
from optimoe.laws.law import LawRow

MOST_DRAWS = 200
"""Draws in a law file: a plan asks for so many, and a quantile of 5 % has ten of them below it."""


def documented(
    fitted: Fit,
    resamples: Resamples | None = None,
    test: HoldOut | None = None,
    *,
    date: str = "",
    command: str = "",
) -> LawRow:
    """The law of a fit with its evidence, for :func:`optimoe.laws.catalog.save_law`.

    Args:
        fitted: The fit; its law has the verdict, the objective and the rows already.
        resamples: Its bootstrap: the first 200 refits become draws, without those that no law can be.
        test: The test on runs that were not fitted.
        date: Day of the fit, ISO 8601.
        command: What was typed to make it.
    """
    row = fitted.law
    evidence = replace(row.evidence, date=date, command=command)
    if test is not None:
        held = HoldOutEvidence(
            rule=test.rule,
            held_runs=test.held_runs,
            rmse_log=test.rmse_log,
            inside=test.inside,
            converged=test.converged,
        )
        evidence = replace(evidence, holdout=held)
    if resamples is None:
        return replace(row, evidence=evidence)
    columns = {name: np.asarray(values, dtype=float) for name, values in resamples.coefficients.items()}
    kept = np.flatnonzero(possible_draws(row, columns))[:MOST_DRAWS]
    vary = [name for name, values in columns.items() if len(kept) > 1 and np.ptp(values[kept]) > 0]
    draws = {name: tuple(map(float, columns[name][kept])) for name in vary}
    return replace(row, evidence=replace(evidence, cluster=resamples.cluster if draws else ""), draws=draws)
