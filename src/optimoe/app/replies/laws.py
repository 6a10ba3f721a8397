"""Answers about laws: the library, a value, a design under all of them, a budget."""

from typing import TYPE_CHECKING, Any

from optimoe.app.replies.reply import Reply
from optimoe.inputs.laws.compare import CompareLawsRequest, DecideRequest
from optimoe.inputs.laws.evaluate import AlongRequest, EvaluateRequest, LawLibraryRequest, LawRequest

if TYPE_CHECKING:
    from optimoe.core.files.reading import Source
    from optimoe.core.outputs import Evaluable
    from optimoe.report.records.laws.comparison import DecisionsRecord, LawComparisonRecord
    from optimoe.report.records.laws.library import PredictionRecord
    from optimoe.report.records.laws.line import LawLineRecord


def listed(request: LawLibraryRequest) -> Reply:
    """Every law with its status and source."""
    from optimoe.laws.catalog import find_law, law_names
    from optimoe.report.records.laws.library import law_list_record

    rows = [find_law(name).row for name in law_names()]
    return Reply(
        record=lambda: law_list_record(rows),
        blocks=lambda: [[(row.name, f"{row.status:<13} {row.source}") for row in rows]],
    )


def shown(request: LawRequest) -> Reply:
    """One law: coefficients, units, range, outputs."""
    from optimoe.laws.catalog import find_law
    from optimoe.report.records.laws.library import law_show_record
    from optimoe.report.words.law_prose import law_lines

    row, law = find_law(request.law).row, find_published(request.law)
    return Reply(record=lambda: law_show_record(row, law), blocks=lambda: [law_lines(row, law.outputs)])


def predict(request: EvaluateRequest) -> Reply:
    """A law's output at stated variables."""
    from optimoe.cost.published.catalog import MODELS, find_cost_model
    from optimoe.laws.catalog import find_law
    from optimoe.laws.prediction import LawPrediction, reach_of, unit_of
    from optimoe.laws.prediction import predict as predict_output
    from optimoe.report.records.laws.library import prediction_record
    from optimoe.report.words.laws.prediction import prediction_lines

    law, output, inputs = find_law(request.law), request.output, request.variables()
    if request.allow_inconsistent:
        law = law.allow_inconsistent()
    if isinstance(request.law, str) and request.law in MODELS:
        model = find_cost_model(request.law)
        value, unit = model.evaluate(output, inputs), unit_of(output, law.row.units)
        placed = reach_of(law, output, inputs, value)
        found = LawPrediction(output=output, value=value, unit=unit, meaning=model.meaning(output), reach=placed)
    else:
        found = predict_output(law, output, inputs)
    return Reply(
        record=lambda: prediction_record(law.row, inputs, found),
        blocks=lambda: [prediction_lines(law.row, found)],
        figures={"value": _value},
    )


def along(request: AlongRequest) -> Reply:
    """A law's output along one of its variables."""
    from optimoe.laws.catalog import find_law
    from optimoe.laws.prediction.along import predict_along
    from optimoe.report.records.laws.line import law_line_record
    from optimoe.report.words.laws.prediction import law_line_blocks

    law = find_law(request.law)
    if request.allow_inconsistent:
        law = law.allow_inconsistent()
    found = predict_along(law, request.output, request.variables(), request.line())

    def record() -> "LawLineRecord":
        return law_line_record(law.row, request.variables(), found)

    def page() -> str:
        from optimoe.report.pages.answer_page import law_line_page

        return law_line_page(record(), *law_line_blocks(law.row, found))

    return Reply(record=record, blocks=lambda: law_line_blocks(law.row, found), page=page)


def compare(request: CompareLawsRequest) -> Reply:
    """One design under every law that covers it."""
    from optimoe.laws.compare import compare as compare_laws
    from optimoe.report.records.laws.comparison import law_comparison_record
    from optimoe.report.words.law_prose import comparison_lines

    comparison = compare_laws(request.spec(), request.tokens, request.laws or ())
    return Reply(
        record=lambda: law_comparison_record(comparison),
        blocks=lambda: [comparison_lines(comparison)],
        rows=lambda record: record.opinions,
        figures={"opinions": _opinions},
    )


def decide(request: DecideRequest) -> Reply:
    """What each law would decide at a training budget."""
    from optimoe.laws.compare import compare_decisions
    from optimoe.report.records.laws.comparison import decisions_record

    verdicts = compare_decisions(request.train_flops, request.laws or ())
    return Reply(
        record=lambda: decisions_record(request.train_flops, verdicts),
        blocks=lambda: [[(verdict.question.replace("_", " "), verdict.words) for verdict in verdicts]],
        rows=_answers,
        figures={
            verdict.question: lambda record, question=verdict.question: _decisions(record, question)  # type: ignore[misc]
            for verdict in verdicts
        },
    )


def _value(record: "PredictionRecord") -> Any:
    from optimoe.report.pages.figures.laws import value_figure

    return value_figure(record)


def _opinions(record: "LawComparisonRecord") -> Any:
    from optimoe.report.pages.figures.laws import opinions_figure

    return opinions_figure(record)


def _decisions(record: "DecisionsRecord", question: str) -> Any:
    from optimoe.report.pages.figures.laws import decisions_figure

    return decisions_figure(record, question)


def _answers(record: "DecisionsRecord") -> list[dict[str, Any]]:
    """Every answer with the question that it answers."""
    from optimoe.core.records import to_values

    return [{"question": one.question, **to_values(each)} for one in record.verdicts for each in one.answers]


def find_published(name: "str | Source") -> "Evaluable":
    """A law, or a published cost model."""
    from optimoe.cost.published.catalog import MODELS, find_cost_model
    from optimoe.laws.check import find_opted_in

    return find_cost_model(name) if isinstance(name, str) and name in MODELS else find_opted_in(name)
