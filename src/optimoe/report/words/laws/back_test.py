"""Laws against runs that they have not seen, in words."""

from optimoe.laws.fitting.anchoring import BackTest, BackTests
from optimoe.laws.fitting.anchoring.back_test import Way
from optimoe.report.words.lines import Blocks, Lines, Table, labelled

MOST_ROWS = 40
"""Rows that are printed; JSON has them all."""


def back_test_blocks(found: BackTests) -> Blocks:
    """Which law is best, each with its errors, what was predicted from what, and what could not be tested."""
    return [back_test_sentence(found), tests_table(found), back_test_lines(found)]


def back_test_sentence(found: BackTests) -> str:
    """Which law predicts the runs best, and how large its error is beside what the seeds do."""
    if not found.tests:
        return "No law could be tested."
    best, spread = found.tests[0], found.seed_spread
    chance = "no run was repeated with another seed, which would say how much of that is chance"
    if spread > 0:
        chance = (
            f"{best.median / spread:.2g} times the spread of runs that differ in the seed alone ({spread:.4f})"
        )
    runs = "the run" if best.held == 1 else f"the {best.held} runs"
    return f"{way_words(best)} predicts {runs} held out best: {best.median:.4f} nats off in the median; {chance}."


def way_words(test: BackTest) -> str:
    """A law and how it was brought to the runs."""
    runs = "1 run" if test.runs == 1 else f"{test.runs} runs"
    ways: dict[Way, str] = {
        "as published": "as published",
        "offset": f"with the offset of {runs}",
        "anchored": f"anchored on {runs}",
        "prior": f"as prior of a fit to {runs}",
        "fitted": f"fitted to {runs}",
    }
    return f"{test.law} {ways[test.way]}"


def tests_table(found: BackTests) -> Table:
    """Every test that has room, the least error first."""
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
    return Table(rows=rows, words=("", "How"))


def back_test_lines(found: BackTests) -> Lines:
    """What was predicted from what, what the columns are, and what could not be tested."""
    lines: Lines = [("Held out", f"{found.held} runs ({found.rule}), predicted from {found.seen} others or fewer")]
    lines.append(
        (
            "Columns",
            "errors in nats per token, law less run; of several choices of runs the median, and what 90 % keep; "
            "outside: decades beyond what the law was fitted on, all variables together",
        )
    )
    more = len(found.tests) - MOST_ROWS
    lines += labelled("Beside", [f"{more} more, whose errors are larger (--json)"] if more > 0 else [])
    return lines + labelled("Not tested", [f"{name}: {reason}" for name, reason in found.silent.items()])


def _median(test: BackTest) -> str:
    said = f"{test.median:.4f}"
    return said if test.unlucky == test.median else f"{said} ({test.unlucky:.3f})"


def _remark(test: BackTest, held: int) -> str:
    few = f"{test.held} of {held} runs" if test.held < held else ""
    return ", ".join(part for part in (few, test.remark) if part)
