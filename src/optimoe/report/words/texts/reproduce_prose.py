"""Published numbers and figures beside ours, in lines, tables and the page of all of them."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from math import isnan

from optimoe.core.claims import (
    EXPLAINED_SHARE,
    ClaimText,
    FigureMaker,
    Range,
    Reproduction,
    TextFigure,
    as_printed,
)
from optimoe.planner.published.ledger import Reproduced, figure_title
from optimoe.report.words.lines import Lines, labelled

VERDICTS = ("reproduced", "explained", "contradicts itself", "not reproduced", "needs data")
"""In the order of the page's columns."""

MOST_CAUSES = 2
"""Causes below a claim in a terminal, those that close most; JSON and the pages have all."""

PAGE_HEAD = f"""# Reproductions

Numbers that texts print, beside ours: made by `optimoe reproduce --all` with the measured data sets at hand; one
text by `optimoe reproduce TEXT`. A printed number is what rounds to it; **reproduced** is within that.

- **explained**: another number, and a cause that was run closes at least {EXPLAINED_SHARE:.0%} of the gap
  (one that the text rules out shows what the number hangs on, and explains nothing). What each cause gives stands
  beside it, also where it closes nothing or opens the gap (a negative share).
- **contradicts itself**: other numbers that the same text prints give ours, whatever rounds to them, and not the
  number of the claim; their formula stands beside it.
- **not reproduced**: another number, and no cause that was run closes half of the gap.
"""


def text_lines(texts: Iterable[ClaimText]) -> Lines:
    """Each text with what is held beside ours, and the data that it needs."""
    return [
        (text.text, text.about + (f" (needs {', '.join(text.data)} in OPTIMOE_DATA)" if text.data else ""))
        for text in texts
    ]


def reproduction_lines(rows: Sequence[Reproduction]) -> Lines:
    """Each claim with its verdict, the printed number and ours, and below it the causes that were run."""
    lines: Lines = []
    for _, group in groupby(rows, key=lambda row: (row.claim, row.where)):
        of_claim = list(group)
        several = len(of_claim) > 1  # the claim stands once, then each law's verdict
        if several:
            lines.append((of_claim[0].where or "claim", f"{of_claim[0].claim}: {_printed(of_claim[0])}"))
        for row in of_claim:
            law = f"{row.law}: " if row.law and row.law != row.text else ""
            claim = "" if several else f"{row.claim}: {_printed(row, ', ')}"
            reason = f" ({row.reason})" if row.reason else ""
            lines.append((verdict_words(row), f"{law}{claim}{row.pending or f'ours {_ours(row)}{reason}'}"))
            lines += [("", words) for words in _few(_cause_words(row))]
    return lines


def _printed(row: Reproduction, then: str = "") -> str:
    return f"printed {row.printed}{then}" if row.printed else ""


def _few(words: list[str]) -> list[str]:
    """The first of the causes; a page of them is read by no one."""
    left = len(words) - MOST_CAUSES
    return words if left <= 1 else [*words[:MOST_CAUSES], f"{left} more in --json"]


def figure_name_lines(text: str, makers: Mapping[str, FigureMaker]) -> Lines:
    """The figures of a text by key and title, and how one is shown."""
    lines = labelled("figures", [f"{key}: {figure_title(make)}" for key, make in makers.items()])
    return [*lines, ("", f"optimoe reproduce {text} --figure KEY shows one")] if lines else []


def figure_lines(figure: TextFigure) -> Lines:
    """A figure's title, axes and conditions."""
    scales = [" (logarithmic)" if log else "" for log in (figure.x_log, figure.y_log)]
    lines = [(f"Figure {figure.key}", figure.title), ("x", figure.x + scales[0]), ("y", figure.y + scales[1])]
    return [*lines, *labelled("Notes", figure_remarks(figure))]


def figure_remarks(figure: TextFigure) -> list[str]:
    """The notes of a figure, then those of its series."""
    return [*figure.notes, *(f"{one.name}: {one.note}" for one in figure.series if one.note)]


def counts_line(done: Sequence[Reproduced]) -> str:
    """How many claims have which verdict, over all texts."""
    counts = Counter(verdict_words(row) for text in done for row in text.rows)
    return ", ".join(f"{counts[verdict]} {verdict}" for verdict in VERDICTS if counts[verdict])


def ledger_page(done: Sequence[Reproduced]) -> str:
    """The page of all texts: counts, then a section for each."""
    held = [text for text in done if text.rows]
    counts = [[text.text.text, *_counts(text.rows)] for text in held]
    total = [str(sum(int(row[column]) for row in counts)) for column in range(1, len(VERDICTS) + 2)]
    table = _table(["text", "claims", *VERDICTS], [*counts, ["**all**", *total]])
    sections = [text_section(text) for text in held]
    none = [f"- {text.text.text}: {text.text.about}" for text in done if not text.rows]
    rest = ["## Without printed outputs\n\n" + "\n".join(none) + "\n"] if none else []
    return "\n".join([PAGE_HEAD, table, *sections, *rest])


def text_section(done: Reproduced) -> str:
    """The section of one text on that page."""
    rows = []
    for row in done.rows:
        verdict, *cells, why = claim_cells(row)
        rows.append([*(line for (line,) in cells), *verdict, "; ".join(why)])
    head = f"## {done.text.text}\n\n{done.text.about[0].upper()}{done.text.about[1:]}.\n"
    return f"{head}\n{_table(['claim', 'law', 'place', 'published', 'ours', 'verdict', 'reason'], rows)}"


def claim_cells(row: Reproduction) -> list[list[str]]:
    """Lines of the cells of one claim: verdict, claim, law, place, printed, ours, then reason and causes."""
    return [
        [verdict_words(row)],
        [row.claim],
        [row.law],
        [row.where],
        [row.printed or _ends(row.published, "")],
        ["–" if isnan(row.ours[0]) else _ours(row)],
        [*([row.reason] if row.reason else []), *_cause_words(row)],
    ]


def verdict_words(row: Reproduction) -> str:
    """The verdict in words."""
    return row.verdict.replace("_", " ") if row.verdict else "needs data"


def _counts(rows: Sequence[Reproduction]) -> list[str]:
    counts = Counter(map(verdict_words, rows))
    return [str(len(rows)), *(str(counts[verdict]) for verdict in VERDICTS)]


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |\n" for row in lines)


def _cause_words(row: Reproduction) -> list[str]:
    closing = [
        f"{'closes nothing' if isnan(cause.closes) else f'closes {cause.closes:.0%}'}: {cause.words}"
        f"{' (ruled out by the text)' if cause.ruled_out else ''}: {_ends(cause.ours, row.printed)}"
        for cause in row.causes
    ]
    own = row.derived
    derived = [f"by its own {own.words}: {own.formula} = {_ends(own.ours, row.printed)}"] if own else []
    turning = [f"{change.words}: {_ends(change.ours, row.printed)}" for change in row.turned_by]
    return [*derived, *closing, *([f"no longer with {'; '.join(turning)}"] if turning else [])]


def _ours(row: Reproduction) -> str:
    return _ends(row.ours, row.printed)


def _ends(ours: Range, printed: str) -> str:
    low, high = (as_printed(value, printed) for value in ours)
    return low if low == high else f"{low} to {high}"
