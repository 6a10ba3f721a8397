"""Fits and comparisons of laws in labelled lines."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from optimoe.core.units import format_count
from optimoe.laws.check import CheckResult
from optimoe.laws.compare import Comparison, Opinion
from optimoe.laws.effective_size import EffectiveSize
from optimoe.laws.fitting import Coverage, Fit, Held, HoldOut, Interval
from optimoe.laws.fitting.fit import SPARE_RUNS
from optimoe.laws.law import LawRow
from optimoe.laws.terms.sizes import UNSTATED
from optimoe.report.words.laws.evidence import evidence_lines
from optimoe.report.words.lines import Deciding, Lines, labelled

SMALL_DELTA = 3.0
"""A δ this many times below the residuals' scale leaves a quarter of normal residuals in the quadratic part."""


def fit_lines(
    fitted: Fit, intervals: Mapping[str, Interval], test: HoldOut | None, coverage: Sequence[Coverage] = ()
) -> Lines:
    """A fitted law: verdict, coefficients with intervals, the test on unseen runs, and what its band holds."""
    lines = [
        (Deciding("Law"), f"{fitted.law.name}, family {fitted.law.family}: {fitted.verdict.replace('_', ' ')}"),
        (
            "Fit",
            f"{fitted.runs} runs, rmse of ln L {fitted.rmse_log:.4f}, {fitted.objective_name} "
            f"{fitted.objective:.9g}, {fitted.agree} of {fitted.starts} starts agree, "
            f"condition {fitted.condition:.3g}",
        ),
        (Deciding("Residuals"), _residuals(fitted)),
    ]
    lines += labelled("N counts", _n_counts(fitted.law))
    if fitted.at_bound:
        lines.append(("At bound", ", ".join(fitted.at_bound)))
    if fitted.verdict == "ill_conditioned":
        lines.append(("Weakest", f"the runs do not tell {', '.join(fitted.weakest)} apart"))
    if fitted.verdict == "too_few_runs":
        free = fitted.free
        lines.append(
            (
                "Too few",
                f"{fitted.runs} runs for {free} free coefficients: add runs to {free + SPARE_RUNS}, or fix some",
            )
        )
    lines += labelled("Reduced", _reduced(fitted.held))
    lines += [(symbol, _coefficient(fitted, symbol, intervals)) for symbol in fitted.coefficients]
    if test is not None:
        lines.append(("Held out", _held_out(test, fitted.held)))
    lines += labelled("Band", [_band(one) for one in coverage])
    lines += labelled("Careful", fitted.remarks)
    lines += labelled("Excluded", [f"row {flag.row}: {flag.reason}" for flag in fitted.excluded[:5]])
    lines += labelled("Outliers", [f"row {flag.row}: {flag.reason}" for flag in fitted.outliers[:5]])
    return lines


def fit_sentence(fitted: Fit) -> str:
    """What the fit is worth, in one sentence."""
    law, verdict = fitted.law, fitted.verdict.replace("_", " ")
    return (
        f"{law.name} describes {fitted.runs:,} runs to {fitted.rmse_log:.2%} of their loss; the fit is {verdict}."
    )


def _residuals(fitted: Fit) -> str:
    """The residuals' robust scale, and beside it what a δ makes of it."""
    text, delta = (
        f"robust scale {fitted.residual_scale:.3g} of ln L",
        getattr(fitted.options.objective, "delta", 0),
    )
    if not delta:
        return text
    if delta * SMALL_DELTA >= fitted.residual_scale:
        return f"{text}, delta {delta:g}"
    return (
        f"{text}, delta {delta:g} is 1/{fitted.residual_scale / delta:.0f} of it: "
        "nearly least absolute deviations (--objective auto chooses by the residuals)"
    )


def _band(coverage: Coverage) -> str:
    """What a band promises, and what it holds."""
    text = (
        f"{coverage.level:.0%} promised, {coverage.inside:.0%} of {coverage.runs} runs inside when left out "
        f"({coverage.rule}); mean width {coverage.mean_width:.3g} nats, of the law alone "
        f"{coverage.mean_width_of_law:.2g}"
    )
    return text if coverage.converged else f"{text}; not every fit behind it converged"


def _n_counts(row: LawRow) -> list[str]:
    """What N counts and how that is known; nothing for a class of the user's, which counts by itself."""
    if row.n_convention == UNSTATED:
        return ["not stated: no design can be planned with this law until --n-convention says it"]
    basis = row.evidence.n_basis
    return (
        [f"{row.n_convention.replace('_', ' ')} parameters, by {basis}".replace("by stated", "as stated")]
        if basis
        else []
    )


def _coefficient(fitted: Fit, symbol: str, intervals: Mapping[str, Interval]) -> str:
    """A coefficient with its interval, or why it has none."""
    text, interval = f"{fitted.coefficients[symbol]:.8g}", intervals.get(symbol)
    if symbol in fitted.options.tied:
        text += f", tied to {fitted.options.tied[symbol]}"
    if any(held.coefficient == symbol for held in fitted.held):
        return f"{text}, held"
    if symbol in fitted.unidentified:
        return f"{text}, {fitted.unidentified[symbol]}: {_interval(interval) if interval else 'no interval'}"
    return f"{text}  ({_interval(interval)})" if interval else text


def _interval(interval: Interval) -> str:
    """Its ends; one that the runs do not set is none."""
    level = f"{interval.level:.0%}"
    low, high = math.isfinite(interval.low), math.isfinite(interval.high)
    if low and high:
        return f"{interval.low:.6g} – {interval.high:.6g}, {level}"
    if low:
        return f"at least {interval.low:.6g}, {level}"
    return f"at most {interval.high:.6g}, {level}" if high else f"anything that the fit allows, {level}"


def _reduced(held: Sequence[Held]) -> list[str]:
    """What is constant, and which coefficients it leaves untold; a line for each constant."""
    reasons: dict[str, list[str]] = {}
    for one in held:
        constant, _, untold = one.reason.partition(": ")
        reasons.setdefault(constant, []).append(untold)
    return [f"{constant}: {'; '.join(untold)}" for constant, untold in reasons.items()]


def _held_out(test: HoldOut, known: Sequence[Held]) -> str:
    """The test on runs that were not fitted; a fit that failed on the others is no test, and says so."""
    text = (
        f"{test.rule}: {test.held_runs} runs, rmse of ln L {test.rmse_log:.4f} against "
        f"{test.rmse_fitted:.4f} fitted, bias {test.bias_log:+.4f}, {test.inside:.0%} inside the band"
    )
    if not test.converged:
        text += f"; the fit to the other {test.fitted_runs} runs did not converge: this is no test of the law"
    news = _reduced([held for held in test.held if held not in known])
    return "; ".join([text, *(f"among the others {reason}" for reason in news)])


def comparison_lines(comparison: Comparison) -> Lines:
    """One design under every law: differences, advice, decisions."""
    lines: Lines = [("Design", f"{comparison.arch} on {format_count(float(comparison.tokens))} tokens")]
    for opinion in comparison.opinions:
        versus = "no dense model" if math.isnan(opinion.difference) else f"{opinion.difference:+.4f} against dense"
        band = "" if math.isnan(opinion.low) else f" ({opinion.low:.4f} – {opinion.high:.4f})"
        worth = f", {effective_size_words(opinion.worth)}" if opinion.worth.known else ""
        lines.append((opinion.law, f"{versus}{worth}, loss {opinion.loss:.4f}{band}, {_reach(opinion)}"))
        lines += [("", f"its fit is {opinion.fit}")] if opinion.fit else []
        lines += [("", f"never fitted on {concern}") for concern in opinion.concerns]
        lines += [("", f"by assumption: {opinion.reading}")] if opinion.reading else []
        lines += [("", f"not stated of its runs: {'; '.join(opinion.unstated)}")] if opinion.unstated else []
    for advice in comparison.advice:
        given = {symbol: value for symbol, value in advice.inputs.items() if symbol not in advice.outputs}
        lines.append((advice.law, f"{_by_symbol(advice.outputs)} at {_by_symbol(given)}"))
        far = {symbol: decades for symbol, decades in advice.decades_beyond.items() if decades > 0}
        lines += [("", f"beyond its range by decades: {_by_symbol(far)}")] if far else []
        lines += [("", f"its range is not stated for {', '.join(advice.unstated)}")] if advice.unstated else []
        lines += [("", f"never fitted on {concern}") for concern in advice.concerns]
    silent: dict[str, list[str]] = {}
    for silence in comparison.silent:
        silent.setdefault(silence.reason, []).append(silence.law)
    lines += labelled("Silent", [f"not applicable, {why}: {', '.join(laws)}" for why, laws in silent.items()])
    return lines + labelled(Deciding("Decisions"), [verdict.words for verdict in comparison.verdicts])


def effective_size_words(worth: EffectiveSize) -> str:
    """What dense size a design is worth, with its band and the cut-off where it is past it."""
    if math.isinf(worth.params):
        return "worth more than any dense size"
    band = "" if math.isnan(worth.low) else f" ({format_count(worth.low)} – {format_count(worth.high)})"
    counted = "" if worth.embeddings else " without embeddings"
    words = [f"worth {format_count(worth.params)}{band} dense{counted}"]
    if worth.past_cutoff:
        words.append(f"past its cut-off of {format_count(worth.cutoff)}: routing no longer helps")
    return ", ".join([*words, *(["more than all its parameters"] if worth.above_total else [])])


def _by_symbol(values: Mapping[str, Any]) -> str:
    """Numbers by symbol, to four digits."""
    return ", ".join(f"{symbol} {float(value):.4g}" for symbol, value in values.items())


def _reach(opinion: Opinion) -> str:
    """Where a design lies; a range that nobody stated is never one that it is inside."""
    if any(decades > 0 for decades in opinion.decades_beyond.values()):
        return "beyond its range"
    return "inside its range" if opinion.inside else "its range not wholly stated"


def law_lines(row: LawRow, outputs: Mapping[str, Sequence[str]]) -> Lines:
    """One law: coefficients, units, range, outputs."""
    return [
        ("Law", f"{row.name}, family {row.family}, {row.status}"),
        ("Source", row.source),
        ("Values", ", ".join(f"{symbol} = {value:g}" for symbol, value in row.coefficients.items())),
        ("Units", ", ".join(f"{symbol}: {unit}" for symbol, unit in row.units.items())),
        ("Range", ", ".join(f"{low:g} ≤ {symbol} ≤ {high:g}" for symbol, (low, high) in row.range.items())),
        ("Ranks", row.domain.words),
        ("Gives", ", ".join(f"{symbol}({', '.join(inputs)})" for symbol, inputs in outputs.items())),
        *evidence_lines(row),
        ("Notes", row.notes),
    ]


def check_lines(results: Sequence[CheckResult]) -> Lines:
    """Check-values: how many hold, and which do not or cannot be checked."""
    lines = [("Passed", f"{sum(result.ok is True for result in results)} of {len(results)}")]
    lines += [
        ("Failed", f"{one.law} {one.output} {one.inputs}: expected {one.expected:g}, ours {one.ours:g}")
        for one in results
        if one.ok is False
    ]
    lines += [("Pending", f"{one.law} {one.output}: {one.pending}") for one in results if one.ok is None]
    return lines
