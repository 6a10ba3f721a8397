"""The best ratio of expert to attention FLOPs in words: parabolas through runs, and the law that they follow."""

from math import isnan

from optimoe.laws.fitting import RatioAnalysis
from optimoe.laws.fitting.answers.ratio import RatioBudget, RatioLine
from optimoe.report.words.laws.optima import digits
from optimoe.report.words.lines import Lines, labelled

VERDICTS = {
    "sound": "sound",
    "reduced": "reduced: one sparsity, so that nothing follows in 1 − S",
    "too_few_runs": "too_few_runs: wanted are three budgets and three sparsities with a minimum that runs bracket",
    "ill_conditioned": "ill_conditioned: at some sparsity the growth with C may be zero",
    "at_bound": "at_bound: most minima lie outside the ratios that were run",
}


def ratio_table(analysis: RatioAnalysis) -> list[tuple[str, ...]]:
    """One row a sparsity, budget and size: the best ratio, what costs 0.001 nats, and the published rule."""
    rows: list[tuple[str, ...]] = [
        ("S", "Budget", "FLOPs/token", "Runs", "r*", "Within 0.001 nats", "Loss", "Li 2026")
    ]
    return rows + [_budget_row(budget) for budget in analysis.budgets]


def ratio_lines(analysis: RatioAnalysis) -> Lines:
    """The law of each sparsity, what α_r and β_r follow, the verdict, and what each is to be read with."""
    lines = [("Verdict", VERDICTS[analysis.verdict])]
    lines += [(f"S = {line.sparsity:.4g}", _line_words(line)) for line in analysis.lines]
    if not isnan(analysis.alpha1.value):
        factor = f"α_r = {digits(analysis.alpha0, '.2g')} · (1−S)^{digits(analysis.alpha1, '.2f')}"
        power = "β_r: no power of 1−S, as some r* falls with C"
        if not isnan(analysis.beta1.value):
            power = f"β_r = {digits(analysis.beta0, '.3f')} · (1−S)^{digits(analysis.beta1, '.2f')}"
        lines.append(("In 1 − S", f"{factor},  {power}"))
    outside = [budget for budget in analysis.budgets if not budget.inside]
    if outside:
        low, high = analysis.swept
        lines.append(
            (
                "Careful",
                f"{len(outside)} of {len(analysis.budgets)} minima are not bracketed by runs (r from {low:.3g} to "
                f"{high:.3g}) and count in no line",
            )
        )
    falls = [f"r* falls with C at {words}" for words in analysis.falls[:5]]
    lines += labelled("Careful", falls)
    lines.append(
        ("Not done", "App. B.3 of Li 2026 moves minima within 0.001 nats so that r* rises; nothing is moved here")
    )
    return lines + labelled("Left out", list(analysis.skipped[:5]))


def _line_words(line: RatioLine) -> str:
    if isnan(line.exponent.value):
        return f"{line.budgets} budgets with a minimum that runs bracket: no law"
    middle = f"r* = {digits(line.middle_ratio, '.3g')} at {line.middle_flops:.3g} FLOP"
    return f"α_r {digits(line.factor, '.3g')},  β_r {digits(line.exponent, '.3f')};  {middle}"


def _budget_row(budget: RatioBudget) -> tuple[str, ...]:
    known = not isnan(budget.ratio.value)
    mark = "" if budget.inside else " (outside)"
    return (
        f"{budget.sparsity:.4g}",
        f"{budget.train_flops:.3g}",
        "–" if isnan(budget.flops_per_token) else f"{budget.flops_per_token:.3g}",
        f"{budget.window} of {budget.runs}" if budget.window < budget.runs else f"{budget.runs}",
        digits(budget.ratio, ".3g") + mark if known else "no minimum",
        f"{budget.flat_low:.3g} to {budget.flat_high:.3g}" if known else "–",
        f"{budget.loss:.4f}" if known else "–",
        f"{budget.rule:.3g}",
    )
