"""``optimoe laws``: the law library."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from optimoe.app.cli.options import JsonFlag, PageFile
from optimoe.app.cli.printing import show, show_blocks, write_page
from optimoe.app.notes import warn
from optimoe.app.replies import laws
from optimoe.core.errors import shown
from optimoe.inputs.laws.evaluate import AlongRequest, EvaluateRequest, LawLibraryRequest, LawRequest

ChecksPath = Annotated[
    Path, Parameter(help="TOML with rows [[check]]: law, inputs, output, value, tolerance_rel, source.")
]
StrictFlag = Annotated[
    bool, Parameter(negative="", help="Exit with 1 where a row cannot be evaluated, as where one fails.")
]


def list_laws(*, json: JsonFlag = False) -> None:
    """Every law with its status and source."""
    reply = laws.listed(LawLibraryRequest())
    show_blocks(json, reply.record, reply.blocks)


def show_law(request: LawRequest, *, json: JsonFlag = False) -> None:
    """One law: coefficients, units, range, outputs."""
    reply = laws.shown(request)
    show_blocks(json, reply.record, reply.blocks)


def predict(request: EvaluateRequest, *, json: JsonFlag = False) -> None:
    """Evaluate a law in its own variables."""
    reply = laws.predict(request)
    show_blocks(json, reply.record, reply.blocks)


def along(request: AlongRequest, *, page: PageFile = None, json: JsonFlag = False) -> None:
    """Evaluate a law along one of its variables, the others as stated."""
    reply = laws.along(request)
    write_page(reply, page)
    show_blocks(json, reply.record, reply.blocks)


def check(file: ChecksPath, *, strict: StrictFlag = False, json: JsonFlag = False) -> None:
    """Run a file of [[check]] rows through the library."""
    from optimoe.laws.check import load_checks, run_checks
    from optimoe.report.records.laws.library import checks_record
    from optimoe.report.words.law_prose import check_lines

    checks = load_checks(file)
    if checks.ignored:
        warn(f"{file}: keys that no check has are ignored: {', '.join(map(shown, checks.ignored))}")
    results = run_checks(checks.rows, find=laws.find_published)
    show(json, lambda: checks_record(results), lambda: check_lines(results))
    if any(result.ok is False or (strict and result.ok is None) for result in results):
        raise SystemExit(1)
