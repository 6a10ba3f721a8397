"""The best size at equal FLOPs in words: IsoFLOP parabolas and frontiers."""

from collections.abc import Sequence
from math import isnan

from optimoe.core.units import format_count
from optimoe.laws.fitting import DrawnNumber, IsoFlopAnalysis, LawFrontier
from optimoe.laws.fitting.answers.isoflop import IsoFlop, LawMinimum
from optimoe.report.words.lines import Lines, labelled

BEYOND = 0.05
"""Decades that are not said: a tenth beyond a range."""


def isoflop_table(analysis: IsoFlopAnalysis) -> list[tuple[str, ...]]:
    """One row a budget: the parabola's best size and tokens, and each law's."""
    rows = [("Budget", "Runs", f"{analysis.size} (parabola)", "Tokens", "Loss", *analysis.laws)]
    return rows + [_budget_row(budget) for budget in analysis.budgets]


def isoflop_lines(analysis: IsoFlopAnalysis, verdicts: dict[str, str]) -> Lines:
    """The exponents with their intervals, and what each parabola and each law is to be read with."""
    size = analysis.size
    lines = [("Parabola", f"{size} ∝ C^{_exponent(analysis.params)},  D ∝ C^{_exponent(analysis.tokens)}")]
    for law, found in analysis.laws.items():
        off = _bias_words([row for budget in analysis.budgets for row in budget.laws if row.law == law])
        verdict = f", fit: {verdicts[law]}" if verdicts.get(law, "sound") != "sound" else ""
        lines.append((law, f"{size} ∝ C^{_exponent(found)}{off}{verdict}"))
    if isnan(analysis.params.value):
        lines.append(("Careful", "no exponent: fewer than two budgets have a minimum inside their sizes"))
    outside = [f"{budget.train_flops:.3g}" for budget in analysis.budgets if not budget.inside]
    if outside:
        lines.append(
            (
                "Careful",
                f"the minimum lies outside the sizes at {', '.join(outside)} FLOP, which count in no exponent",
            )
        )
    edges = {row.law: budget.train_flops for budget in analysis.budgets for row in budget.laws if row.at_edge}
    lines += [
        ("Careful", f"{law}: its minimum at {flops:.3g} FLOP lies beyond the sizes")
        for law, flops in edges.items()
    ]
    return lines + labelled("Left out", list(analysis.skipped[:5]))


def frontier_table(frontier: LawFrontier) -> list[tuple[str, ...]]:
    """One row a budget: the best size, tokens and loss."""
    rows: list[tuple[str, ...]] = [(frontier.law, frontier.size, "Tokens", "D/N", "Loss", "Beyond range")]
    for point in frontier.points:
        beyond = f"{point.decades_beyond:.1f} decades" if point.decades_beyond > BEYOND else ""
        rows.append(
            (
                f"{point.train_flops:.3g}",
                _count(point.params),
                _count(point.tokens),
                digits(point.tokens_per_param, ".3g"),
                digits(point.loss, ".4f"),
                beyond,
            )
        )
    return rows


def frontier_lines(frontier: LawFrontier) -> Lines:
    """The powers of C that the best size and tokens follow."""
    text = f"{frontier.size} ∝ C^{_exponent(frontier.params)},  D ∝ C^{_exponent(frontier.tokens)}"
    others = ", ".join(f"{name} = {formula}" for name, formula in frontier.others.items())
    draws = f"{frontier.draws} draws" if frontier.draws else "no intervals: no draws, scatter or range is stated"
    text = text if len(frontier.points) > 1 else "one budget: no exponents"
    return [(frontier.law, "; ".join(part for part in (text, others, draws) if part))]


def _bias_words(minima: Sequence[LawMinimum]) -> str:
    """What a parabola through runs on the law would get wrong, where its minimum lies among them."""
    bias = [abs(row.bias_log) for row in minima if row.inside and not isnan(row.bias_log)]
    return f"; a parabola through runs on it would be off by {max(bias):.1%} at most" if bias else ""


def _budget_row(budget: IsoFlop) -> tuple[str, ...]:
    runs = f"{budget.window} of {budget.runs}" if budget.window < budget.runs else f"{budget.runs}"
    mark = "" if budget.inside else " (outside)"
    return (
        f"{budget.train_flops:.3g}",
        runs,
        _count(budget.params) + mark,
        _count(budget.tokens),
        "–" if isnan(budget.loss) else f"{budget.loss:.4f}",
        *(format_count(row.params.value) for row in budget.laws),
    )


def _exponent(one: DrawnNumber) -> str:
    return "?" if isnan(one.value) else digits(one, ".3f")


def _count(one: DrawnNumber) -> str:
    if isnan(one.value):
        return "no minimum"
    ends = "" if isnan(one.low) else f" ({format_count(one.low)}–{format_count(one.high)})"
    return format_count(one.value) + ends


def digits(one: DrawnNumber, form: str) -> str:
    """A number with its interval, if it has one."""
    ends = "" if isnan(one.low) else f" ({one.low:{form}}–{one.high:{form}})"
    return f"{one.value:{form}}{ends}"
