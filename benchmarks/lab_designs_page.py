"""The page of what labs trained beside what a plan would train, from the tables of its benchmark.

    python benchmarks/lab_designs_page.py             # docs/labs.md again, from lab_designs.csv as it is

Every figure of the page, in its sentences too, is a function of ``lab_designs.csv`` and of its controls beside it;
a test holds that the page is what these functions make of the files.
"""

import csv
import math
import re
from collections.abc import Sequence
from pathlib import Path
from textwrap import fill
from typing import Any

import numpy as np

from optimoe.core.units import format_count

PAGE = Path(__file__).resolve().parents[1] / "docs" / "labs.md"
ROWS = Path(__file__).with_name("lab_designs.csv")
CONTROLS = Path(__file__).with_name("lab_designs_controls.csv")

NAMES = ("experts", "top_k", "granularity", "shared", "tokens_per_param")
SPOKEN = dict(
    zip((*NAMES, "all"), ("E", "k", "granularity", "shared or none", "D/N", "all in one design"), strict=True)
)
WORDS = frozenset({"name", "title", "date", "basis", "gpu", "lab", "choice", "why_not", "trait"})
WHOLE = frozenset({"times", "members"})
"""Columns of words and of whole numbers; all others are numbers."""

WIDTH = 138
"""Columns of a sentence of the page, as of other pages."""

TARGET = 0.8
"""The hit rate that was asked for before looking."""
TOLD = 0.05
"""Share of permutations below which a hit rate is told from chance: the usual 5 %."""
SINCE = "2024-12"
"""DeepSeek-V3, since which MoE runs are told apart: the first of the fine-grained ones at this scale."""

Row = dict[str, Any]


def write_table(path: Path, rows: Sequence[Row]) -> None:
    """Write rows of the same keys as a table."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def read_table(path: Path) -> list[Row]:
    """Rows of a table, numbers as numbers."""
    with path.open(encoding="utf-8", newline="") as file:
        return [{name: _value(name, text) for name, text in row.items()} for row in csv.DictReader(file)]


def _value(name: str, text: str) -> str | int | float:
    if name in WORDS:
        return text
    return int(text) if name in WHOLE else float(text)


def read_rows() -> list[Row]:
    """What the last run of the benchmark said of each lab."""
    return read_table(ROWS)


def read_controls() -> list[Row]:
    """By trait: how often labs shuffled between budgets are inside, and the permutations that do as well."""
    return read_table(CONTROLS)


def hit_rate(rows: Sequence[Row], trait: str) -> float:
    """Share of the labs whose design is inside its contending set by a trait; dense ones lack some."""
    return float(np.nanmean([row[f"hit_{trait}"] for row in rows]))


def page(rows: Sequence[Row], controls: Sequence[Row], made: str) -> str:
    """The whole page."""
    head = [
        "# What labs trained, beside what a plan would train",
        "",
        f"Made by `python benchmarks/lab_designs.py` ({made}); how, and what was fixed before looking, stands at",
        "the head of that file. Facts of the runs: `planner/data/labs.toml`, with sources; shapes: the catalog.",
    ]
    parts = [head, lab_lines(rows), summary_lines(rows, controls), said_lines(rows, controls), LEFT_OUT]
    return "\n\n".join("\n".join(lines) for lines in parts) + "\n"


def lab_lines(rows: Sequence[Row]) -> list[str]:
    """The table of labs."""
    lines = [
        "| run | date | FLOP | the lab's design | D/N | traffic | the plan's choice at the lab's loss "
        "| contending | loss over the lowest | lab's dollars | E | k | G | shared | D/N |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for one in rows:
        design = f"{one['lab']}, {format_count(one['active'])} on {format_count(one['tokens'])}"
        choice = f"{one['choice']}, {format_count(one['choice_active'])} on {format_count(one['choice_tokens'])}"
        gap, dearer = f"{one['loss'] - one['lowest']:+.3f}", f"{one['lab_usd'] / one['usd'] - 1:+.0%}"
        marks = [cell(one[f"hit_{name}"], "yes" if one[f"hit_{name}"] else "no") for name in NAMES]
        lines.append(
            f"| {one['title']} | {one['date']} | {one['flops']:.2g} | {design} "
            f"| {one['tokens'] / one['active']:,.0f} | {one['times']:,}× | {choice} "
            f"| {one['members']:,} ({one['share']:.2%}) | {cell(one['lowest'], gap)} "
            f"| {cell(one['lab_usd'], dearer)} | {' | '.join(marks)} |"
        )
    return lines


def summary_lines(rows: Sequence[Row], controls: Sequence[Row]) -> list[str]:
    """The median share that contends, and the hit rates beside those of shuffled labs."""
    return [
        f"Median share of the space that contends: {np.median([row['share'] for row in rows]):.1%} "
        f"(of {len(rows)} runs).",
        "",
        "| | inside the contending set | labs shuffled between budgets | permutations that do as well |",
        "|---|---|---|---|",
        *(
            f"| {SPOKEN[one['trait']]} | {hit_rate(rows, one['trait']):.0%} | {one['shuffled']:.0%} "
            f"| {one['permutations']:.1%} |"
            for one in controls
        ),
    ]


def said_lines(rows: Sequence[Row], controls: Sequence[Row]) -> list[str]:
    """What the table says, and what it does not, in sentences."""
    return [
        "What this says, and what it does not:",
        "",
        *(
            fill(f"- {words}", WIDTH, subsequent_indent="  ", break_on_hyphens=False)
            for words in (
                _chance_words(rows, controls),
                _dollar_words(rows),
                _alike_words(rows, controls),
                _dense_words(rows),
                _traffic_words(rows),
                _since_words(rows),
            )
        ),
    ]


def _chance_words(rows: Sequence[Row], controls: Sequence[Row]) -> str:
    """Which traits are told from chance, and whether the target is met."""
    rates = [
        f"{SPOKEN[one['trait']]} {hit_rate(rows, one['trait']):.0%} ({one['shuffled']:.0%} shuffled; of "
        f"permutations "
        f"{one['permutations']:.0%} do as well)"
        for one in controls
        if one["trait"] in ("experts", "tokens_per_param", "all")
    ]
    told = [SPOKEN[one["trait"]] for one in controls if one["permutations"] < TOLD]
    reached, missed = (
        [SPOKEN[one["trait"]] for one in controls if (hit_rate(rows, one["trait"]) >= TARGET) == met]
        for met in (True, False)
    )
    return (
        f"**Against labs that are shuffled between budgets {', '.join(told) or 'nothing'} is told** (by less than "
        f"{TOLD:.0%} of permutations). Inside are {'; '.join(rates)}. The target of {TARGET:.0%} is reached by "
        f"{', '.join(reached) or 'nothing'}, and missed by {', '.join(missed) or 'nothing'}."
    )


def _dollar_words(rows: Sequence[Row]) -> str:
    """What labs' designs cost beside the choices, and what the choices are like."""
    recent = [row for row in rows if not _dense(row) and row["date"] >= SINCE]
    experts = sorted({int(number) for row in rows for number in re.findall(r"E = (\d+)", row["choice"])})
    widths = sorted({float(width) for row in rows for width in re.findall(r"([\d.]+)·d active", row["choice"])})
    known = [row for row in rows if not math.isnan(row["lab_usd"])]
    cheaper = sum(row["usd"] < row["lab_usd"] for row in known)
    return (
        f"At a lab's own loss and within its compute the law finds a cheaper design for {cheaper} of "
        f"{len(known)} runs, "
        f"with E = {' or '.join(map(str, experts))} and experts of a token {widths[0]:g}·d to {widths[-1]:g}·d "
        f"wide together: the "
        f"lab's costs {_times(recent)} times as many dollars for MoE models since DeepSeek-V3, "
        f"{_times([row for row in rows if _dense(row)])} times for dense ones. That is the law's belief in "
        f"sparsity, "
        "beyond the runs that it was fitted on (top-8 never; *Careful* of each plan says how far). What so "
        "many experts "
        "cost in stability, in memory of training and in fine-tuning no law here knows."
    )


def _alike_words(rows: Sequence[Row], controls: Sequence[Row]) -> str:
    """Traits of which the set holds nearly every value."""
    shuffled = {one["trait"]: one["shuffled"] for one in controls}
    rates = ", ".join(
        f"{words} in {hit_rate(rows, name):.0%} ({shuffled[name]:.0%})"
        for name, words in (("top_k", "k"), ("granularity", "granularity"), ("shared", "shared experts"))
    )
    return (
        f"Inside are {rates} of MoE runs (of shuffled ones), because the set holds nearly every value of them: "
        f"the law "
        "does not tell them apart."
    )


def _dense_words(rows: Sequence[Row]) -> str:
    dense = [row for row in rows if _dense(row)]
    inside = sum(row["hit_experts"] == 1 for row in dense)
    best = sum(row["choice"].startswith("dense") for row in rows)
    return (
        f"Of {len(dense)} dense runs {inside} are inside by E: under this law {best} of these {len(rows)} "
        f"budgets are "
        "best spent on a dense model."
    )


def _traffic_words(rows: Sequence[Row]) -> str:
    least = min(row["times"] for row in rows)
    more = [row["times"] for row in rows if _dense(row) and row["times"] > least]
    told = f", and {len(more)} of the dense ones at {min(more)} to {max(more):,} times" if more else ""
    return (
        f"{sum(row['times'] == least for row in rows)} of {len(rows)} runs are nearest at the least traffic of "
        f"the grid, "
        f"{least:,} times their training tokens{told}: the price of a token, not the amount, decides between the "
        "designs here."
    )


def _since_words(rows: Sequence[Row]) -> str:
    recent = [row for row in rows if not _dense(row) and row["date"] >= SINCE]
    hits = ", ".join(
        f"{sum(row[f'hit_{name}'] == 1 for row in recent)} in {words}"
        for name, words in SPOKEN.items()
        if name != "all"
    )
    return (
        f"Seen after the table was made, so no test: of the {len(recent)} MoE runs since DeepSeek-V3 a member "
        f"agrees with "
        f"{hits}."
    )


def _dense(row: Row) -> bool:
    return bool(row["lab"].startswith("dense"))


def _times(rows: Sequence[Row]) -> str:
    """Labs' dollars over the choices', the least and the most of those that are known."""
    known = [row["lab_usd"] / row["usd"] for row in rows if not math.isnan(row["lab_usd"])]
    return f"{min(known):.1f} to {max(known):.1f}"


def cell(value: float, words: str) -> str:
    """A number in words, or a dash."""
    return "–" if math.isnan(value) else words


LEFT_OUT = [
    fill(
        "Left out: JetMoE-8B (experts in its attention) and Step-3 (low-rank queries over one shared key-value "
        "head), "
        "which no part of the catalog describes; Ling-Lite, Ling-Plus, Ling-flash-2.0, Ling-1T and "
        "MiniMax-Text-01, whose "
        "shapes were not published whole.",
        WIDTH,
        break_on_hyphens=False,
    )
]


def made_on(text: str) -> str:
    """The date of the run behind a page."""
    (date,) = re.findall(r"^Made by .* \((\d{4}-\d\d-\d\d)\)", text, flags=re.MULTILINE)
    return str(date)


def main() -> None:
    """The page again, with the date of its run."""
    PAGE.write_text(
        page(read_rows(), read_controls(), made_on(PAGE.read_text(encoding="utf-8"))), encoding="utf-8"
    )


if __name__ == "__main__":
    main()
