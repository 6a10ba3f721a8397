"""The five figures of Li 2026 (arXiv 2603.10379) from any runs with r; by key, from the synthetic ones."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from jaxtyping import Bool, Float

from optimoe.core.claims import FigureMaker, Series, TextFigure
from optimoe.laws.catalog import find_family, find_published_law
from optimoe.laws.fitting import FitOptions, HoldOut, LeastSquares, RatioAnalysis, analyse_ratio, fit, hold_out
from optimoe.laws.fitting.answers.curve import NEAR, loss_curve
from optimoe.laws.fitting.answers.drawn import DrawnNumber
from optimoe.laws.fitting.model import find_form, variables_of
from optimoe.laws.fitting.validation import held_rows
from optimoe.laws.law import Law
from optimoe.laws.published.li.readings import least_loss_by_reading
from optimoe.laws.published.li.repair import growth_built_in
from optimoe.laws.published.li.runs import CURVE_RUN, TrainingCurve, synthetic_curve, synthetic_runs
from optimoe.laws.runs import Observations

RULE = "li2026-rstar"
FORM = "li2026"
FORMS = ("wang", "abnar", FORM)
"""The forms of Fig. 5: Wang 2024, Abnar 2025, and that of the paper as it is read here."""
SYNTHETIC = (
    "synthetic runs: 560 of the form li2026 with made-up coefficients, the printed rule for r*, noise of 0.1 %; "
    "they show what the procedures make of a known truth, and say nothing of real models"
)
BUILT_IN = "the runs are of this form: that it predicts a sparsity not seen, and better than others, is built in"
LINE_POINTS = 4
"""Of a power law, which is straight on logarithmic axes."""


def loss_by_ratio(runs: Observations) -> TextFigure:
    """Loss against the ratio of expert to attention FLOPs, at each budget."""
    found = analyse_ratio(runs, resamples=0)
    sparsity = _middle([budget.sparsity for budget in found.budgets])
    at = [budget for budget in found.budgets if budget.sparsity == sparsity]
    budgets = list(dict.fromkeys(_key(budget.train_flops) for budget in at))
    best = [min((one for one in at if _key(one.train_flops) == key), key=lambda one: one.loss) for key in budgets]
    series = []
    for one in best:
        rows = _near(1 - runs.variables["S"], 1 - sparsity) & _near(runs.variables["C"], one.train_flops)
        rows &= _near(runs.variables["C"] / runs.variables["D"], one.flops_per_token)
        order = np.argsort(runs.variables["r"][rows])
        name = f"{one.train_flops:.3g} FLOP"
        note = f"{one.flops_per_token:.3g} FLOP a token, the best size at this budget"
        series.append(_series(name, runs.variables["r"][rows][order], runs.loss[rows][order], note))
    bottom = [one for one in best if one.inside]
    if bottom:
        found_at = [one.ratio.value for one in bottom], [one.loss for one in bottom]
        series.append(_series("minimum of the parabola", *found_at, "through the five ratios around the lowest"))
    return TextFigure(
        key="1",
        title=f"Loss against the expert to attention ratio, S = {sparsity:.4g}",
        x="r, FLOPs of experts over those of attention",
        y="loss, nats per token",
        series=tuple(series),
        x_log=True,
        notes=("r is a ratio: the abstract's fraction of FLOPs is r/(1 + r)", "C is that of the whole run"),
    )


def best_ratio_by_budget(runs: Observations) -> TextFigure:
    """Best ratio against training FLOPs, by sparsity."""
    found = analyse_ratio(runs)
    rule, series = find_published_law(RULE), []
    for line in found.lines:
        inside = [one for one in found.budgets if one.sparsity == line.sparsity and one.inside]
        name = f"S = {line.sparsity:.4g}"
        if inside:
            series.append(_by_budget(name, [(one.train_flops, one.ratio.value) for one in inside]))
        ends = [one.train_flops for one in found.budgets]
        grid = np.geomspace(min(ends), max(ends), LINE_POINTS)
        fitted = line.factor.value * grid**line.exponent.value
        if np.isfinite(fitted).all():
            words = f"{line.factor.value:.3g}·C^{line.exponent.value:.3f}"
            series.append(_series(f"{name}, fitted", grid, fitted, words))
        printed = rule.evaluate("r_star", {"S": line.sparsity, "C": grid})
        series.append(_series(f"{name}, as printed", grid, printed, "eq. 1 with Sec. 3.3"))
    outside = sum(not one.inside for one in found.budgets)
    crossing = _crossing(rule, found)
    return TextFigure(
        key="2a",
        title="Best ratio against training FLOPs, by sparsity",
        x="C, training FLOPs",
        y="r*",
        series=tuple(series),
        x_log=True,
        y_log=True,
        notes=(
            f"{outside} of {len(found.budgets)} minima are not bracketed by the ratios that were run: left out",
            "App. B.3 of the paper moves minima within 0.001 nats so that r* rises; nothing is moved here",
            *crossing,
        ),
    )


def factor_by_share(runs: Observations) -> TextFigure:
    """Factor α_r of the best ratio against the active share 1 − S."""
    found = analyse_ratio(runs)
    return _by_share("2b", "Factor α_r against the active share", "α_r", found, "factor", ("alpha0", "alpha1"))


def exponent_by_share(runs: Observations) -> TextFigure:
    """Exponent β_r of the best ratio against the active share 1 − S."""
    found = analyse_ratio(runs)
    return _by_share("2c", "Exponent β_r against the active share", "β_r", found, "exponent", ("beta0", "beta1"))


def held_out_sparsity(runs: Observations) -> TextFigure:
    """The loss law with r fitted without the highest sparsity, and held against it."""
    rule, sparsity = _sparsest(runs)
    test, predicted = _tested(runs, FORM, rule)
    held = held_rows(runs, rule)
    notes = (
        f"family {FORM}: eq. 2 with our reading of R, ten coefficients fitted, r* as printed",
        f"fitted: {test.fitted_runs} runs, RMSE of ln L {test.rmse_fitted:.4f}",
        f"held out: {test.held_runs} runs at S = {sparsity:.4g}, RMSE of ln L {test.rmse_log:.4f}, mean "
        f"{test.bias_log:+.4f}, worst {test.worst_log:+.4f}",
        "the coefficients that Table 1 prints give losses near 20 nats and are not used",
    )
    return TextFigure(
        key="3",
        title=f"Predicted against observed loss, S = {sparsity:.4g} held out",
        x="observed loss, nats per token",
        y="predicted loss, nats per token",
        series=(
            _of_groups("fitted runs", runs, predicted, ~held, ("S", "C")),
            _of_groups(f"S = {sparsity:.4g}, not fitted", runs, predicted, held, ("C", "N")),
        ),
        notes=notes,
    )


def curve_against_law(runs: Observations, curve: TrainingCurve) -> TextFigure:
    """A training curve against the law fitted to other finished runs."""
    fitted = fit(runs, FORM, _options(FORM))
    found = loss_curve(curve.observations, fitted.law, curve.run)
    notes = (
        f"{curve.run}; the law is fitted to {fitted.runs} finished runs of other designs ({fitted.verdict})",
        f"second half of the tokens: {found.scale_log:+.2%} off the law, shape {found.shape_log:.2%}; last point "
        f"{found.last_log:+.2%}; within {NEAR:.0%} of the law from {found.within:.0%} of the tokens on",
        "a law of finished runs lies below a curve until its learning rate has decayed",
        *curve.notes,
    )
    return TextFigure(
        key="4",
        title=f"A training curve against the law: {curve.run}",
        x="D, tokens",
        y="loss, nats per token",
        series=(_series("curve", found.tokens, found.measured), _series("law", found.tokens, found.predicted)),
        x_log=True,
        notes=notes,
    )


def forms_compared(runs: Observations) -> TextFigure:
    """Wang's and Abnar's forms beside the law with r, on the same runs and the same held-out sparsity."""
    rule, sparsity = _sparsest(runs)
    held, series, notes = held_rows(runs, rule), [], []
    for name in FORMS:
        test, predicted = _tested(runs, name, rule)
        error, ratios = 100 * np.log(predicted / runs.loss)[held], runs.variables["r"][held]
        series.append(_means(name, ratios, error, [ratios], "mean and standard deviation over held-out runs"))
        state = "" if test.converged else "; from one start its search does not end: coefficients trade"
        notes.append(
            f"{name}: RMSE of ln L {test.rmse_log:.4f} on the {test.held_runs} held-out runs, "
            f"{test.rmse_fitted:.4f} on the fitted ones{state}"
        )
    return TextFigure(
        key="5",
        title=f"Three forms on the same runs, S = {sparsity:.4g} held out",
        x="r, FLOPs of experts over those of attention",
        y="ln(predicted/observed), %",
        series=tuple(series),
        x_log=True,
        notes=(*notes, "Wang 2024 sees N, D and E, Abnar 2025 N, D and S: what r does is scatter to both"),
    )


def _by_share(
    key: str, title: str, symbol: str, found: RatioAnalysis, number: str, law: tuple[str, str]
) -> TextFigure:
    """α_r or β_r of each sparsity with the power of 1 − S through them, and the printed one."""
    known = [line for line in found.lines if np.isfinite(getattr(line, number).value)]
    shares = [1 - line.sparsity for line in known]
    grid = np.geomspace(min(shares), max(shares), LINE_POINTS)
    factor, power = (getattr(found, name) for name in law)
    printed = find_published_law(RULE).coefficients
    lines = {"as printed": (printed[law[0]], printed[law[1]]), "fitted": (factor.value, power.value)}
    series = [_with_ends("runs", shares, [getattr(line, number) for line in known], "a sparsity each")]
    for name, (front, exponent) in lines.items():
        if np.isfinite(front):
            words = f"{front:.3g}·(1−S)^{exponent:.3f}"
            series.append(_series(name, grid, front * grid**exponent, words))
    return TextFigure(
        key=key,
        title=title,
        x="1 − S, active share of the experts, shared ones counted",
        y=symbol,
        series=tuple(series),
        x_log=True,
        y_log=True,
        notes=(
            f"{law[0]} {_words(factor)}, printed {printed[law[0]]:.3g}; {law[1]} {_words(power)}, printed "
            f"{printed[law[1]]:.3g} (90 % intervals over draws)",
            f"verdict: {found.verdict}",
        ),
    )


def _tested(runs: Observations, family: str, rule: str) -> tuple[HoldOut, Float[np.ndarray, " runs"]]:
    """A family fitted to the runs that a rule leaves, and what it predicts for all."""
    test = hold_out(runs, family, rule, _options(family))
    family_class = find_family(family)
    row = replace(find_published_law(RULE).row, name=family, family=family, status="fitted", better_digits="")
    law = family_class(row.with_coefficients(test.coefficients))
    return test, np.asarray(law.loss(**variables_of(family_class, runs)))


def _options(family: str) -> FitOptions:
    """Least squares from one start of the family's own: on its runs, all starts that end well end there."""
    grid = find_form(find_family(family)).grid
    return FitOptions(objective=LeastSquares(), starts={name: values[:1] for name, values in grid.items()})


def _sparsest(runs: Observations) -> tuple[str, float]:
    """The rule that holds out the highest sparsity of the runs, and that sparsity."""
    levels = np.unique(runs.column("S"))
    return f"S > {float(levels[-1] + levels[-2]) / 2!r}", float(levels[-1])


def _crossing(rule: Law, found: RatioAnalysis) -> tuple[str, ...]:
    """Where the printed curves of the lowest and highest sparsity meet."""
    low, high = found.lines[0].sparsity, found.lines[-1].sparsity
    if low == high:
        return ()
    flops = rule.evaluate("C_crossing", {"S1": low, "S2": high})
    return (f"as printed, S = {low:.4g} has the higher r* than S = {high:.4g} only above {flops:.3g} FLOP",)


def _middle(values: list[float]) -> float:
    levels = sorted(set(values))
    return levels[len(levels) // 2]


def _key(flops: float) -> str:
    """Budgets that two digits do not tell apart are one."""
    return f"{flops:.1e}"


def _near(column: Float[np.ndarray, " runs"], value: float) -> Bool[np.ndarray, " runs"]:
    return np.abs(np.log(column / value)) < np.log1p(SAME)


SAME = 0.05
"""Runs this close in S, C and size are of one group: groups lie further apart in every sweep."""


def _series(name: str, x: Float[np.ndarray, " points"] | list[float], y: object, note: str = "") -> Series:
    return Series(name=name, x=tuple(map(float, x)), y=tuple(map(float, np.asarray(y))), note=note)


def _of_groups(
    name: str,
    runs: Observations,
    predicted: Float[np.ndarray, " runs"],
    rows: Bool[np.ndarray, " runs"],
    by: tuple[str, ...],
) -> Series:
    """Predicted against observed loss, means of runs that share some variables."""
    keys = [np.log(runs.variables[one][rows]) for one in by]
    x, y = runs.loss[rows], predicted[rows]
    series = _means(name, x, y, keys, f"means over runs of one {' and '.join(by)}")
    return replace(series, low=(), high=())


def _by_budget(name: str, points: list[tuple[float, float]]) -> Series:
    """The geometric mean of the ratios of each budget, between the lowest and the highest of its sizes."""
    ratios: dict[str, list[float]] = {}
    for flops, ratio in points:
        ratios.setdefault(_key(flops), []).append(ratio)
    means = [float(np.exp(np.mean(np.log(many)))) for many in ratios.values()]
    series = _series(
        name, [float(key) for key in ratios], means, "mean over sizes, between the lowest and highest"
    )
    return replace(series, low=tuple(map(min, ratios.values())), high=tuple(map(max, ratios.values())))


def _means(
    name: str,
    x: Float[np.ndarray, " runs"],
    y: Float[np.ndarray, " runs"],
    by: list[Float[np.ndarray, " runs"]],
    note: str,
) -> Series:
    """Means of runs that share some values, in the order of these; the band is a standard deviation in y."""
    _, group = np.unique(np.stack(by, axis=1).round(9), axis=0, return_inverse=True)
    groups = [group.ravel() == number for number in range(int(group.max()) + 1)]
    means = np.array([y[rows].mean() for rows in groups])
    spread = np.array([y[rows].std() for rows in groups])
    series = _series(name, [float(x[rows].mean()) for rows in groups], means, note)
    return replace(series, low=tuple((means - spread).tolist()), high=tuple((means + spread).tolist()))


def _with_ends(name: str, x: list[float], y: list[DrawnNumber], note: str) -> Series:
    """Points with the intervals that all of them have."""
    points = _series(name, x, [one.value for one in y], note)
    low, high = tuple(one.low for one in y), tuple(one.high for one in y)
    return replace(points, low=low, high=high) if np.isfinite([low, high]).all() else points


def _words(one: DrawnNumber) -> str:
    ends = "" if np.isnan(one.low) else f" ({one.low:.3g} to {one.high:.3g})"
    return f"{one.value:.3g}{ends}"


def _of_synthetic(make: Callable[[Observations], TextFigure], *notes: str) -> FigureMaker:
    """The maker of a figure from the synthetic runs, under the same title."""

    def made() -> TextFigure:
        figure = make(synthetic_runs())
        return replace(figure, notes=(SYNTHETIC, *notes, *figure.notes))

    made.__doc__ = make.__doc__
    return made


def _curve() -> TextFigure:
    """A training curve against the law fitted to other finished runs."""
    curve, runs = synthetic_curve(), synthetic_runs()
    others = runs.select(
        ~(np.isclose(runs.variables["N"], CURVE_RUN.params) & (runs.variables["E"] == CURVE_RUN.experts))
    )
    figure = curve_against_law(others, curve)
    return replace(figure, notes=(SYNTHETIC, *figure.notes))


LI_FIGURES: dict[str, FigureMaker] = {
    "1": _of_synthetic(loss_by_ratio),
    "2a": _of_synthetic(best_ratio_by_budget),
    "2b": _of_synthetic(factor_by_share),
    "2c": _of_synthetic(exponent_by_share),
    "3": _of_synthetic(held_out_sparsity, BUILT_IN),
    "4": _curve,
    "5": _of_synthetic(forms_compared, BUILT_IN),
    "b3": growth_built_in,
    "eq2": least_loss_by_reading,
}
"""By key; each from the synthetic runs."""
