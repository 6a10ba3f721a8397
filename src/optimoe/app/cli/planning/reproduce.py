"""``optimoe reproduce``: the numbers of published texts beside ours."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from optimoe.app.cli.options import JsonFlag
from optimoe.app.cli.printing import print_columns, print_json, print_lines
from optimoe.core.errors import UnknownNameError

if TYPE_CHECKING:
    from optimoe.cost.published.catalog import Reproduction
    from optimoe.planner.published.verdict import ClaimVerdict

YUN = "yun2024"

Text = Annotated[
    str,
    Parameter(
        help="epoch2024 by its own formulas; yun2024, ludziejewski2025, sardana2024 or hoffmann2022 through the "
        "planner, under laws that are published."
    ),
]


def reproduce(text: Text, *, json: JsonFlag = False) -> None:
    """The claims of a published text, re-derived, with a verdict for each."""
    from optimoe.planner.published.yun import reproduce_yun
    from optimoe.report.records.reproduce import reproductions_record
    from optimoe.report.words.reproduce_prose import answer_tables, reproduction_lines

    answers, rows = reproduce_yun() if text == YUN else ([], _rows(text))
    if json:
        print_json(reproductions_record(text, rows, answers))
        return
    for table in answer_tables(answers):
        print_columns(table)
        print()
    print_lines(reproduction_lines(rows))


def _rows(text: str) -> "Sequence[Reproduction | ClaimVerdict]":
    from optimoe.cost.published.catalog import claim_texts
    from optimoe.cost.published.catalog import reproduce as reproduce_costs
    from optimoe.planner.published.optima import reproduce_optima
    from optimoe.planner.published.optima import texts as optima_texts

    if text in optima_texts():
        return reproduce_optima(text)
    if text in claim_texts():
        return reproduce_costs(text)
    raise UnknownNameError("text", text, (*claim_texts(), YUN, *optima_texts()))
