"""Published numbers beside ours, in lines and tables."""

from collections.abc import Sequence
from itertools import groupby
from math import isnan

from optimoe.core.units import format_count
from optimoe.cost.published.catalog import Reproduction
from optimoe.planner.published.verdict import ClaimVerdict
from optimoe.planner.published.yun import YunAnswer
from optimoe.report.words.lines import Lines


def answer_tables(answers: Sequence[YunAnswer]) -> list[list[tuple[str, ...]]]:
    """A table for each law of the answers to Yun's questions."""
    return [_columns(law, list(group)) for law, group in groupby(answers, key=lambda answer: answer.law)]


def reproduction_lines(rows: Sequence[Reproduction | ClaimVerdict]) -> Lines:
    """Each claim with its verdict, the printed number and ours."""
    return [(row.verdict.replace("_", " "), _words(row)) for row in rows]


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


def _words(row: Reproduction | ClaimVerdict) -> str:
    reason = f" ({row.reason})" if row.reason else ""
    if isinstance(row, ClaimVerdict):
        low, high = (f"{value:.4g}" for value in row.ours)
        ours = low if low == high else f"{low} to {high}"
        return f"{row.law}: {row.claim}: ours {ours}{reason}"
    return f"{row.claim}: printed {row.published:g}, ours {row.ours:.4g}{reason}"
