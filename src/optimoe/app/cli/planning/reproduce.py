"""``optimoe reproduce``: the numbers of published texts beside ours."""

from collections.abc import Sequence
from itertools import groupby
from math import isnan

from optimoe.app.cli.printing import print_columns, print_json, print_lines
from optimoe.core.errors import UnknownNameError
from optimoe.core.units import format_count
from optimoe.cost.published.catalog import Reproduction, claim_texts
from optimoe.cost.published.catalog import reproduce as reproduce_costs
from optimoe.inputs.quantities import Flag
from optimoe.planner.published.optima import reproduce_optima
from optimoe.planner.published.optima import texts as optima_texts
from optimoe.planner.published.verdict import ClaimVerdict
from optimoe.planner.published.yun import YunAnswer, reproduce_yun
from optimoe.report.records.reproduce import reproductions_record

YUN = "yun2024"


def reproduce(text: str, *, json: Flag = False) -> None:
    """The claims of a published text, re-derived, with a verdict for each.

    Args:
        text: epoch2024 by its own formulas; yun2024, ludziejewski2025, sardana2024 or hoffmann2022 through the
            planner, under laws that are published.
        json: One JSON object instead of text.
    """
    answers, rows = reproduce_yun() if text == YUN else ([], _rows(text))
    if json:
        print_json(reproductions_record(text, rows, answers))
        return
    for law, of_law in groupby(answers, key=lambda one: one.law):
        print_columns(_columns(law, list(of_law)))
        print()
    print_lines([(row.verdict.replace("_", " "), _words(row)) for row in rows])


def _columns(law: str, answers: Sequence[YunAnswer]) -> list[tuple[str, ...]]:
    """A row for each budget and number of experts; "alike" has the loss, or the price, of the best E = 4."""
    heads = (law, "E", "N", "D", "loss", "USD/Mtok", "alike: N", "price", "alike: loss")
    return [
        heads,
        *(
            (
                f"{format_count(one.flops)} FLOP",
                f"{one.experts}",
                format_count(one.params),
                format_count(one.tokens),
                f"{one.loss:.3f}",
                f"{one.usd_per_mtok:.3f}",
                _share(one.over_trained),
                _share(one.equal_quality_cost),
                "–" if isnan(one.equal_cost_loss) else f"{one.equal_cost_loss:.3f}",
            )
            for one in answers
        ),
    ]


def _share(value: float) -> str:
    return "–" if isnan(value) else f"{value:.0%}"


def _rows(text: str) -> Sequence[Reproduction | ClaimVerdict]:
    if text in optima_texts():
        return reproduce_optima(text)
    if text in claim_texts():
        return reproduce_costs(text)
    raise UnknownNameError("text", text, (*claim_texts(), YUN, *optima_texts()))


def _words(row: Reproduction | ClaimVerdict) -> str:
    reason = f" ({row.reason})" if row.reason else ""
    if isinstance(row, ClaimVerdict):
        low, high = (f"{value:.4g}" for value in row.ours)
        ours = low if low == high else f"{low} to {high}"
        return f"{row.law}: {row.claim}: ours {ours}{reason}"
    return f"{row.claim}: printed {row.published:g}, ours {row.ours:.4g}{reason}"
