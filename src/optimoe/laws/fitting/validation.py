"""Tests on runs that a fit has not seen: the largest, a rung, a level of a variable; families compared."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float

from optimoe.core.errors import ConfigError, require
from optimoe.core.progress import counted
from optimoe.laws.evidence import FitVerdict
from optimoe.laws.fitting.fit import Fit, fit
from optimoe.laws.fitting.intervals import groups_of
from optimoe.laws.fitting.model import Model
from optimoe.laws.fitting.objectives import StudentT
from optimoe.laws.fitting.setup.problem import FitOptions, Held, best_of_starts, make_model
from optimoe.laws.fitting.setup.settle import settle
from optimoe.laws.runs import Observations
from optimoe.laws.terms.band import BAND_Z

MAX_LEVELS = 40
"""More values than this are a continuous variable: leaving out each would be leaving out single runs."""
RUNGS = 8
"""Each leaves out an eighth of the runs: enough are left to fit, and enough are held out to test."""


@dataclass(frozen=True, kw_only=True)
class HoldOut:
    """A prediction of runs that took no part in the fit.

    Attributes:
        rule: Which runs were held out, in words.
        fitted_runs: How many were fitted.
        held_runs: How many were predicted.
        rmse_log: Root mean square of ln L_law − ln L_run over the held-out runs.
        bias_log: Its mean: positive when the law is too high.
        worst_log: The largest by size.
        rmse_fitted: Root mean square over the fitted runs.
        inside: Share of held-out runs within 1.645·rmse_fitted, 0.9 when the law extrapolates as it fits.
        converged: Whether the fit to the others converged.
        held: Coefficients that the others could not tell, because a variable is constant in them.
        coefficients: Of the fit to the others.
    """

    rule: str
    fitted_runs: int
    held_runs: int
    rmse_log: float
    bias_log: float
    worst_log: float
    rmse_fitted: float
    inside: float
    converged: bool
    held: tuple[Held, ...]
    coefficients: dict[str, float]


@dataclass(frozen=True, kw_only=True)
class Score:
    """One family in a comparison.

    Attributes:
        family: Its name.
        coefficients: How many are fitted: neither fixed, held nor tied.
        cv_rmse_log: Root mean square error of ln L on the folds that were left out.
        cv_std_error: Of it, from the spread over folds.
        cv_converged: Share of the folds whose fit converged.
        held_rmse_log: Root mean square error on the runs that a rule holds out; NaN without one.
        held_converged: Whether the fit behind it converged.
        rmse_log: On all runs, fitted to all runs.
        aic: Akaike's criterion with its correction for few runs, of a fit with Student-t residuals; infinite with
            no more runs than numbers to estimate.
        bic: Schwarz's criterion of the same fit.
        verdict: Of the fit to all runs.
    """

    family: str
    coefficients: int
    cv_rmse_log: float
    cv_std_error: float
    cv_converged: float
    held_rmse_log: float
    held_converged: bool
    rmse_log: float
    aic: float
    bic: float
    verdict: FitVerdict


def held_rows(observations: Observations, rule: str) -> Bool[np.ndarray, " runs"]:
    """Rows that a rule holds out.

    ``top20%``: the largest fifth by training FLOPs (C, else 6ND, else parameters; ties go with the larger).
    Otherwise a condition on variables, labels and ``size``: ``"size > 1e21"``, ``"E == 64"``.

    Raises:
        ConfigError: It holds out all rows or none.
    """
    if rule.startswith("top") and rule.endswith("%"):
        try:
            share = float(rule[3:-1]) / 100
        except ValueError:
            raise ConfigError(f"holdout: must be like top20%, got {rule}") from None
        require(0 < share < 1, "holdout", "between top0% and top100%", rule)
        held = observations.size >= np.quantile(observations.size, 1 - share)
    else:
        held = observations.where(rule)
    require(held.any() and not held.all(), "holdout", "a rule that takes some runs and leaves some", rule)
    return held


def hold_out(observations: Observations, family: str, rule: str, options: FitOptions | None = None) -> HoldOut:
    """Fit the runs that the rule leaves, predict those that it takes.

    Raises:
        ConfigError: Fewer runs are left than the family has coefficients.
    """
    return _refits(observations, family, {rule: held_rows(observations, rule)}, options)[0]


def leave_one_out(
    observations: Observations, family: str, by: str, options: FitOptions | None = None
) -> tuple[HoldOut, ...]:
    """Hold out each rung in turn: each level of a label or variable, all refits as one batch.

    ``by="budget"`` is the leave-one-rung-out back-test, ``by="E"`` the test on a number of experts never
    seen. What has more than 40 values (``size`` among others) is cut into 8 rungs of about equal numbers of
    runs.

    Raises:
        ConfigError: There is only one level.
        UnknownNameError: No such label or variable.
    """
    values = observations.any_column(by)
    levels = np.unique(values, return_inverse=True)[1]
    if values.dtype != object and levels.max() >= MAX_LEVELS:
        edges = np.quantile(values, np.arange(1, RUNGS) / RUNGS)
        levels = np.unique(np.searchsorted(edges, values), return_inverse=True)[1]
    require(levels.max() > 0, f"levels of {by}", "at least two", 1)
    masks = [levels == level for level in range(int(levels.max()) + 1)]
    return _refits(observations, family, {_level_name(by, values[mask]): mask for mask in masks}, options)


def _level_name(by: str, values: np.ndarray) -> str:
    if (values == values[0]).all():
        return f"{by} = {values[0]}"
    return f"{by} from {values.min():.3g} to {values.max():.3g}"


def compare_families(
    observations: Observations,
    families: Sequence[str],
    *,
    options: FitOptions | None = None,
    folds: int = 10,
    cluster: str = "",
    holdout: str = "",
    seed: int = 0,
) -> tuple[Score, ...]:
    """Families by error on folds left out, best first.

    Folds test interpolation: what a family says of larger runs is tested by ``holdout``. Criteria of information
    need one likelihood for all: that of Student-t residuals with their scale estimated, whatever the objective.
    AIC = 2k − 2·ln p + 2k(k+1)/(n−k−1) (Hurvich and Tsai 1989), BIC = k·ln n − 2·ln p (Schwarz 1978), with k the
    free coefficients and the scale.

    Args:
        observations: With the variables of every family.
        families: Their names.
        options: Objective; starts and bounds are the families' own.
        folds: How many; each row is left out once.
        cluster: Label or variable whose rows stay together.
        holdout: Rule for runs to predict from the others, besides the folds: ``top20%``.
        seed: Of the folds.

    Raises:
        ConfigError: A fold or the rule leaves fewer runs than a family has coefficients.
        UnknownNameError: The runs lack a variable of a family.
    """
    groups = groups_of(observations, cluster) if cluster else np.arange(len(observations))
    num_groups = int(groups.max()) + 1
    folds = min(folds, num_groups)
    require(folds > 1, "folds", "at least 2, and as many groups", folds)
    fold = np.random.default_rng(seed).permutation(num_groups)[groups] % folds
    rules = {f"fold {number}": fold == number for number in range(folds)}
    how = options or FitOptions()
    scores = [_score(observations, family, rules, how, holdout) for family in counted(families)]
    return tuple(sorted(scores, key=lambda score: score.cv_rmse_log))


def _score(
    observations: Observations,
    family: str,
    rules: dict[str, Bool[np.ndarray, " runs"]],
    options: FitOptions,
    holdout: str,
) -> Score:
    tests = _refits(observations, family, rules, options)
    squares = np.array([test.rmse_log**2 for test in tests])
    mean = float(np.average(squares, weights=[test.held_runs for test in tests]))
    test = hold_out(observations, family, holdout, options) if holdout else None
    whole = fit(observations, family, options)
    likely = fit(observations, family, replace(options, objective=StudentT()))
    aic, bic = _information(likely)
    return Score(
        family=family,
        coefficients=whole.free,
        cv_rmse_log=mean**0.5,
        cv_std_error=float(squares.std(ddof=1) / len(tests) ** 0.5 / (2 * mean**0.5)),
        cv_converged=float(np.mean([test.converged for test in tests])),
        held_rmse_log=test.rmse_log if test else float("nan"),
        held_converged=test.converged if test else True,
        rmse_log=whole.rmse_log,
        aic=aic,
        bic=bic,
        verdict=whole.verdict,
    )


def _information(likely: Fit) -> tuple[float, float]:
    """Akaike's corrected criterion and Schwarz's, of a fit by a likelihood whose scale was estimated with it."""
    numbers, runs = likely.free + 1, likely.runs
    spare = runs - numbers - 1
    correction = 2 * numbers * (numbers + 1) / spare if spare > 0 else float("inf")
    return 2 * numbers + 2 * likely.objective + correction, numbers * float(np.log(runs)) + 2 * likely.objective


def _refits(
    observations: Observations,
    family: str,
    rules: dict[str, Bool[np.ndarray, " runs"]],
    options: FitOptions | None,
) -> tuple[HoldOut, ...]:
    """Fit without each set of rows, from all starts, and predict them.

    The rows that are left settle what can be fitted to them: a variable may vary in those that are held out only.
    """
    settled = {
        rule: settle(observations.select(~held), family, options or FitOptions()) for rule, held in rules.items()
    }
    tests: dict[str, HoldOut] = {}
    while len(tests) < len(rules):
        ours = next(settled[rule] for rule in rules if rule not in tests)
        alike = {rule: held for rule, held in rules.items() if settled[rule] == ours}
        tests |= _refits_alike(observations, family, alike, ours)
    return tuple(tests[rule] for rule in rules)


def _refits_alike(
    observations: Observations, family: str, rules: dict[str, Bool[np.ndarray, " runs"]], options: FitOptions
) -> dict[str, HoldOut]:
    """Refits with the same options, as one batch."""
    model = make_model(observations, family, options)
    weights = np.stack([~held for held in rules.values()]).astype(float)
    fewest = int(weights.sum(axis=1).min())
    num_free = int((model.low < model.high).sum())
    require(fewest > num_free, "holdout", f"a rule that leaves more than {num_free} runs", fewest)
    solutions = best_of_starts(model, options, weights, model.starts())
    return {
        rule: _held_out(model, options, rule, held, solutions.points[row], bool(solutions.converged[row]))
        for row, (rule, held) in enumerate(rules.items())
    }


def _held_out(
    model: Model,
    options: FitOptions,
    rule: str,
    held: np.ndarray,
    point: Float[np.ndarray, " coordinates"],
    converged: bool,
) -> HoldOut:
    residual = model.predict(point[None])[0][0] - model.log_loss
    unseen, seen = residual[held], float(np.sqrt(np.mean(residual[~held] ** 2)))
    return HoldOut(
        rule=rule,
        fitted_runs=int((~held).sum()),
        held_runs=int(held.sum()),
        rmse_log=float(np.sqrt(np.mean(unseen**2))),
        bias_log=float(unseen.mean()),
        worst_log=float(unseen[np.abs(unseen).argmax()]),
        rmse_fitted=seen,
        inside=float(np.mean(np.abs(unseen) <= BAND_Z * max(seen, 1e-12))),
        converged=converged,
        held=options.held,
        coefficients={name: float(value) for name, value in model.coefficients(point).items()},
    )
