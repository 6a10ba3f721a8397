"""Pages of what answers a question at once: models beside each other, fleets, a law along a variable."""

from collections.abc import Sequence

from optimoe.cost.serving.step import efficiency_sources
from optimoe.laws.domain.reach import symbol_words
from optimoe.report.pages.figures.laws import along_figure
from optimoe.report.pages.figures.models import equivalents_figure, fleets_figure
from optimoe.report.pages.page import Page, Section, render, rests_on
from optimoe.report.records.laws.line import LawLineRecord
from optimoe.report.records.served.comparison import ComparisonRecord
from optimoe.report.records.sizing import FleetsRecord
from optimoe.report.words.laws.prediction import law_line_sentence
from optimoe.report.words.lines import Lines, Table
from optimoe.report.words.served.comparison_prose import comparison_sentence


def comparison_page(record: ComparisonRecord, tables: Sequence[Table], notes: Lines) -> str:
    """The page of models side by side.

    Args:
        record: The comparison.
        tables: What each model is, the dense models of equal cost, then each model by component.
        notes: GPUs, precisions, what was measured.
    """
    what, dense, *parts = tables
    page = Page(
        title=" beside ".join(model.name for model in record.models),
        decision=comparison_sentence(record),
        answer=[],
        sections=[
            Section(title="The dense model of equal cost", figures=[equivalents_figure(record)]),
            Section(title="Regime by regime", table=dense),
            Section(title="Side by side", table=what),
            *(Section(title=f"{model.name} by component", table=table)
              for model, table in zip(record.models, parts, strict=True)),
            _rests(notes),
        ],
    )  # fmt: skip
    return render(page)


def fleets_page(record: FleetsRecord, lines: Lines, fleets: Table) -> str:
    """The page of the fleets that carry a load.

    Args:
        record: The fleets.
        lines: The smallest and the cheapest in words.
        fleets: Each with its latencies and dollars.
    """
    first = record.fleets[0]
    page = Page(
        title=f"{record.name} at {record.output_tokens_per_s:,.0f} output tokens per second",
        decision=f"The fewest GPUs that carry the load are {first.num_gpus} × {first.gpu}.",
        answer=lines,
        sections=[
            Section(title="What they cost", figures=[fleets_figure(record)]),
            Section(title="Fleets", table=fleets),
            rests_on(efficiency_sources()),
        ],
    )
    return render(page)


def law_line_page(record: LawLineRecord, points: Table, lines: Lines) -> str:
    """The page of a law along one of its variables.

    Args:
        record: The line.
        points: Its values.
        lines: Band, designs and source of the law.
    """
    stated = [
        (symbol, value if isinstance(value, str) else symbol_words(symbol, value))
        for symbol, value in record.inputs.items()
    ]
    page = Page(
        title=f"{record.law} along {record.variable}",
        decision=law_line_sentence(record),
        answer=stated,
        sections=[
            Section(title=f"Along {record.variable}", about=record.meaning, figures=[along_figure(record)]),
            Section(title="Point by point", table=points),
            _rests(lines),
        ],
    )
    return render(page)


def _rests(lines: Lines) -> Section:
    texts = [f"{label}: {text}" if label else text for label, text in lines]
    return Section(title="What this rests on", texts=texts)
