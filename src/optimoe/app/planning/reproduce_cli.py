"""``optimoe reproduce``: the numbers of published texts beside ours."""

from collections.abc import Sequence

from optimoe.app.options import Flag, print_json, print_lines
from optimoe.core.errors import UnknownNameError
from optimoe.cost.published.catalog import Reproduction, claim_texts
from optimoe.cost.published.catalog import reproduce as reproduce_costs
from optimoe.plan.published.optima import reproduce_optima
from optimoe.plan.published.optima import texts as optima_texts
from optimoe.plan.published.verdict import Verdict
from optimoe.plan.published.yun import reproduce_yun

YUN = "yun2024"


def reproduce(text: str, *, json: Flag = False) -> None:
    """The claims of a published text, re-derived, with a verdict for each.

    Args:
        text: epoch2024 by its own formulas; yun2024, ludziejewski2025, sardana2024 or hoffmann2022 through the
            planner, under laws that are published.
        json: One JSON object instead of text.
    """
    rows = _rows(text)
    if json:
        print_json({"text": text, "rows": rows})
    else:
        print_lines([(row.verdict.replace("_", " "), _words(row)) for row in rows])


def _rows(text: str) -> Sequence[Reproduction | Verdict]:
    if text == YUN:
        return reproduce_yun()
    if text in optima_texts():
        return reproduce_optima(text)
    if text in claim_texts():
        return reproduce_costs(text)
    raise UnknownNameError("text", text, (*claim_texts(), YUN, *optima_texts()))


def _words(row: Reproduction | Verdict) -> str:
    reason = f" ({row.reason})" if row.reason else ""
    if isinstance(row, Verdict):
        low, high = (f"{value:.4g}" for value in row.ours)
        ours = low if low == high else f"{low} to {high}"
        return f"{row.law}: {row.claim}: ours {ours}{reason}"
    return f"{row.claim}: printed {row.published:g}, ours {row.ours:.4g}{reason}"
