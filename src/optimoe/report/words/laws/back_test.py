"""Laws against runs that they have not seen, in words."""

from optimoe.laws.fitting.anchoring import BackTest, BackTests
from optimoe.report.words.lines import Blocks, Deciding, Lines, Table, labelled

MOST_ROWS = 40
"""Rows that are printed; JSON has them all."""


def back_test_blocks(found: BackTests) -> Blocks:
    """The least error first; what was predicted from what, which is best, and what could not be tested."""
    rows: list[tuple[str, ...]] = [("Law", "How", "Runs", "Median", "Worst", "Bias", "Outside", "")]
    rows += [
        (
            test.law,
            test.way,
            str(test.runs),
            _median(test),
            f"{test.worst:+.3f}",
            f"{test.bias:+.3f}",
            f"{test.decades:.1f}" if test.decades > 0 else "inside",
            _remark(test, found.held),
        )
        for test in found.tests[:MOST_ROWS]
    ]
    lines: Lines = [("Held out", f"{found.held} runs ({found.rule}), predicted from {found.seen} others or fewer")]
    if found.tests:
        best = found.tests[0]
        by = f", by {best.runs} runs" if best.runs else ""
        lines.append((Deciding("Best"), f"{best.law}, {best.way}{by}: {best.median:.4f} nats in the median"))
    lines.append(
        (
            "Columns",
            "errors in nats per token, law less run; of several choices of runs the median, and what 90 % keep; "
            "outside: decades beyond what the law was fitted on, all variables together",
        )
    )
    more = len(found.tests) - MOST_ROWS
    lines += labelled("Beside", [f"{more} more, whose errors are larger (--json)"] if more > 0 else [])
    lines += labelled("Not tested", [f"{name}: {reason}" for name, reason in found.silent.items()])
    return [Table(rows=rows, words=("", "How")), lines]


def _median(test: BackTest) -> str:
    said = f"{test.median:.4f}"
    return said if test.unlucky == test.median else f"{said} ({test.unlucky:.3f})"


def _remark(test: BackTest, held: int) -> str:
    few = f"{test.held} of {held} runs" if test.held < held else ""
    return ", ".join(part for part in (few, test.remark) if part)
