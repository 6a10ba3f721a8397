"""Laws against runs in words: families compared, runs to do next, training curves beside a law."""

from collections.abc import Mapping, Sequence
from math import isfinite, isnan

import numpy as np

from optimoe.core.units import format_count
from optimoe.laws.fitting import Fit, LossCurve, NextRuns, Score
from optimoe.report.words.lines import Lines

MOST_POINTS = 20
"""Points of a curve that are printed; JSON has them all."""
CRITERIA = {
    "D": "geometric mean of the standard errors of all coefficients",
    "I": "standard error of ln L at the target",
    "decision": "standard error of ln of the best size",
}


def scores_table(scores: Sequence[Score]) -> list[tuple[str, ...]]:
    """Families side by side: errors on unseen runs, information, verdict."""
    held = any(not isnan(score.held_rmse_log) for score in scores)
    best = {name: min(getattr(score, name) for score in scores) for name in ("aic", "bic")}
    heads = ("Family", "Free", "Folds", *(("Held out",) if held else ()), "Fitted", "ΔAIC", "ΔBIC", "Verdict")
    rows: list[tuple[str, ...]] = [heads]
    for score in scores:
        folds = f"{score.cv_rmse_log:.5f} ± {score.cv_std_error:.5f}"
        failed = "" if score.cv_converged == 1 else f" ({1 - score.cv_converged:.0%} not converged)"
        unseen = f"{score.held_rmse_log:.5f}" + ("" if score.held_converged else " (not converged)")
        rows.append(
            (
                score.family,
                str(score.coefficients),
                folds + failed,
                *((unseen,) if held else ()),
                f"{score.rmse_log:.5f}",
                _difference(score.aic, best["aic"]),
                _difference(score.bic, best["bic"]),
                score.verdict.replace("_", " "),
            )
        )
    return rows


def scores_lines(scores: Sequence[Score]) -> Lines:
    """How the table is to be read."""
    best = scores[0]
    close = [one.family for one in scores[1:] if one.cv_rmse_log - best.cv_rmse_log < best.cv_std_error]
    lines = [("Folds", "rmse of ln L on runs left out; AIC and BIC of a fit with Student-t residuals")]
    if close:
        lines.append(("Careful", f"{', '.join(close)}: within a standard error of {best.family}"))
    doubted = [one.family for one in scores if one.verdict != "sound"]
    if doubted:
        lines.append(("Careful", f"not sound on all runs: {', '.join(doubted)}"))
    return lines


def next_runs_table(
    found: NextRuns, designs: Mapping[str, np.ndarray], costs: np.ndarray, losses: np.ndarray
) -> list[tuple[str, ...]]:
    """The chosen runs, in the order of choosing."""
    rows: list[tuple[str, ...]] = [("Run", *designs, "Cost", "Expected loss")]
    for place, number in enumerate(found.chosen, start=1):
        values = [format_count(float(column[number])) for column in designs.values()]
        rows.append((str(place), *values, f"{costs[number]:.3g}", f"{losses[number]:.4f}"))
    return rows


def next_runs_lines(found: NextRuns, fitted: Fit, criterion: str, budget: float, candidates: int) -> Lines:
    """What the runs shrink, and what that rests on."""
    lines = [
        ("Shrinks", f"{CRITERIA[criterion]}: {found.before:.3g} → {found.after:.3g}"),
        ("Spends", f"{found.cost:.3g} of {budget:.3g}, {len(found.chosen)} of {candidates} candidates"),
    ]
    if fitted.verdict != "sound":
        verdict = fitted.verdict.replace("_", " ")
        lines.append(("Careful", f"the fit to the runs at hand is {verdict}: the choice rests on its slopes"))
    return lines


def curves_table(curves: Sequence[LossCurve]) -> list[tuple[str, ...]]:
    """One row a run: where its curve ends against the law."""
    rows: list[tuple[str, ...]] = [("Run", "Points", "Tokens", "Measured", "Law", "Last", "Shape", "Within 1 %")]
    rows += [
        (
            curve.run,
            str(len(curve.tokens)),
            format_count(float(curve.tokens[-1])),
            f"{curve.measured[-1]:.4f}",
            f"{curve.predicted[-1]:.4f}",
            f"{curve.last_log:+.4f}",
            f"{curve.shape_log:.4f}",
            "never" if isnan(curve.within) else f"from {curve.within:.0%}",
        )
        for curve in curves
    ]
    return rows


def curves_lines(curves: Sequence[LossCurve]) -> Lines:
    """How the table is to be read."""
    scales = [curve.scale_log for curve in curves]
    text = f"mean of ln(measured/law) over the second half of each run: {np.mean(scales):+.4f}"
    spread = f", from {min(scales):+.4f} to {max(scales):+.4f}" if len(scales) > 1 else ""
    return [
        ("Scale", text + spread + "; a law of another corpus differs by a scale"),
        (
            "Shape",
            "rms of ln(measured/law) over that half after each run's scale; Last and Within are before it",
        ),
    ]


def curve_table(curve: LossCurve) -> list[tuple[str, ...]]:
    """One run, point by point; some twenty of many."""
    rows: list[tuple[str, ...]] = [(curve.run, "Measured", "Law", "ln ratio")]
    points = np.unique(np.linspace(0, len(curve.tokens) - 1, MOST_POINTS).astype(int))
    rows += [
        (
            f"{format_count(float(curve.tokens[point]))} tokens",
            f"{curve.measured[point]:.4f}",
            f"{curve.predicted[point]:.4f}",
            f"{curve.log_ratio[point]:+.4f}",
        )
        for point in points
    ]
    return rows


def _difference(value: float, best: float) -> str:
    return f"{value - best:.1f}" if isfinite(value) else "–"
