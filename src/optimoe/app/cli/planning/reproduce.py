"""``optimoe reproduce``: the numbers and figures of published texts beside ours."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from optimoe.app.cli.options import JsonFlag, PageFile
from optimoe.app.cli.printing import print_columns, print_json, print_lines, show
from optimoe.app.notes import warn
from optimoe.app.waiting import stage
from optimoe.core.errors import require
from optimoe.core.progress import counted

if TYPE_CHECKING:
    from optimoe.planner.published.ledger import Reproduced

PAGE = Path("docs/reproductions.md")

Text = Annotated[str, Parameter(help="A text by its key, such as epoch2024 or clark2022; --list names them.")]
ListFlag = Annotated[bool, Parameter(name="--list", negative="", help="Name every text that can be reproduced.")]
AllFlag = Annotated[bool, Parameter(name="--all", negative="", help="Reproduce every text and write the page.")]
FigureKey = Annotated[str, Parameter(help="Print one figure of the text as a table, by its key.")]
PagePath = Annotated[Path, Parameter(help="Where --all writes the page.")]


def reproduce(
    text: Text = "",
    *,
    list_texts: ListFlag = False,
    all_texts: AllFlag = False,
    figure: FigureKey = "",
    page: PageFile = None,
    out: PagePath = PAGE,
    json: JsonFlag = False,
) -> None:
    """The claims of a published text, re-derived, with a verdict for each, and its figures."""
    asked = [bool(text), list_texts, all_texts]
    require(sum(asked) == 1, "text", "given alone, or --list or --all in its place", text or "none")
    require(text or not figure, "--figure", "given with a text", figure)
    require(text or page is None, "--page", "given with a text", page)
    require(not figure or page is None, "--page", "given without --figure: it draws every figure", page)
    if list_texts:
        _list(json)
    elif all_texts:
        _all(out, json)
    elif figure:
        _figure(text, figure, json)
    else:
        _one(text, page, json)


def _one(text: str, page: Path | None, json: bool) -> None:
    from optimoe.planner.published.ledger import reproduce_text, text_figures
    from optimoe.report.records.reproduce import reproductions_record
    from optimoe.report.words.texts.reproduce_prose import figure_name_lines, reproduction_lines

    require(page is None or not page.is_dir(), "--page", "the path of a file", page)
    with stage(f"reproducing {text}"):
        done, figures = reproduce_text(text), text_figures(text)
    if page is not None:
        from optimoe.core.files import write_text
        from optimoe.report.pages.reproduction_page import reproduction_page

        write_text(page, reproduction_page(done, [make() for make in figures.values()]))
    if json:
        print_json(reproductions_record(done, figures, str(page or "")))
        return
    if done.headline:
        _questions(done)
    lines = reproduction_lines(done.rows) or [(text, done.text.about)]
    print_lines([*lines, *figure_name_lines(text, figures), *([("page", str(page))] if page else [])])


def _questions(done: "Reproduced") -> None:
    from optimoe.report.words.texts import yun_prose as words

    for said, tables in (
        ((*words.HEADLINE, words.FULL), words.headline_tables(done.headline)),
        (words.ANSWERS, words.answer_tables(done.answers)),
        (words.SEARCHES, words.search_tables(done.answers)),
    ):
        print("\n".join(said), end="\n\n")
        for table in tables:
            print_columns(table)
            print()


def _figure(text: str, key: str, json: bool) -> None:
    from optimoe.planner.published.ledger import make_figure
    from optimoe.report.records.reproduce import text_figure_record
    from optimoe.report.tables.text_figures import figure_table
    from optimoe.report.words.texts.reproduce_prose import figure_lines

    figure = make_figure(text, key)
    if json:
        print_json(text_figure_record(text, figure))
        return
    print_lines(figure_lines(figure))
    print()
    print_columns(figure_table(figure))


def _list(json: bool) -> None:
    from optimoe.planner.published.ledger import claim_texts
    from optimoe.report.records.reproduce import claim_texts_record
    from optimoe.report.words.texts.reproduce_prose import text_lines

    texts = tuple(claim_texts().values())
    show(json, lambda: claim_texts_record(texts), lambda: text_lines(texts))


def _all(out: Path, json: bool) -> None:
    from optimoe.core.files import write_text
    from optimoe.planner.published.ledger import claim_texts, reproduce_text
    from optimoe.report.records.reproduce import ledger_record
    from optimoe.report.words.texts.reproduce_prose import counts_line, ledger_page

    require(not out.is_dir(), "--out", "the path of a file", out)
    done = []
    with stage("reproducing every text"):
        for number, text in enumerate(counted([*claim_texts()]), 1):
            warn(f"{text} ({number} of {len(claim_texts())})")
            done.append(reproduce_text(text))
    waiting = sorted({row.pending for text in done for row in text.rows if row.pending})
    for pending in waiting:
        warn(f"claims without a verdict: {pending}")
    write_text(out, ledger_page(done))
    lines = [("Claims", counts_line(done)), ("Page", str(out))]
    show(json, lambda: ledger_record(done, str(out)), lambda: lines)
