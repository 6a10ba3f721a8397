"""``optimoe laws compare`` and ``decide``: what laws say of one design, or of one budget."""

from optimoe.app.cli.options import JsonFlag, QuietFlag
from optimoe.app.cli.printing import show
from optimoe.inputs.laws.compare import CompareLawsRequest, DecideRequest


def compare(request: CompareLawsRequest, *, quiet: QuietFlag = False, json: JsonFlag = False) -> None:
    """One design under every law that covers it, as differences to each law's own dense model."""
    from optimoe.laws.compare import compare as compare_laws
    from optimoe.report.records.laws.comparison import law_comparison_record
    from optimoe.report.words.law_prose import comparison_lines

    comparison = compare_laws(request.spec(), request.tokens, request.laws or ())
    show(json, lambda: law_comparison_record(comparison), lambda: comparison_lines(comparison), quiet=quiet)


def decide(request: DecideRequest, *, json: JsonFlag = False) -> None:
    """What each law would decide at a training budget: experts, granularity, tokens per parameter."""
    from optimoe.laws.compare import compare_decisions
    from optimoe.report.records.laws.comparison import decisions_record

    verdicts = compare_decisions(request.train_flops, request.laws or ())
    show(
        json,
        lambda: decisions_record(request.train_flops, verdicts),
        lambda: [(verdict.question.replace("_", " "), verdict.words) for verdict in verdicts],
    )
