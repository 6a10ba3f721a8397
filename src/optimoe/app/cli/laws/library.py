"""``optimoe laws``: the law library."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from optimoe.app.cli.options import JsonFlag
from optimoe.app.cli.printing import show, warn
from optimoe.core.errors import shown
from optimoe.inputs.laws.evaluate import EvaluateRequest
from optimoe.inputs.sources import LawName

if TYPE_CHECKING:
    from optimoe.core.outputs import Evaluable

ChecksPath = Annotated[
    Path, Parameter(help="TOML with rows [[check]]: law, inputs, output, value, tolerance_rel, source.")
]
StrictFlag = Annotated[
    bool, Parameter(negative="", help="Exit with 1 where a row cannot be evaluated, as where one fails.")
]


def list_laws(*, json: JsonFlag = False) -> None:
    """Every law with its status and source."""
    from optimoe.laws.catalog import find_law, law_names
    from optimoe.report.records.laws.library import law_list_record

    rows = [find_law(name).row for name in law_names()]
    show(
        json,
        lambda: law_list_record(rows),
        lambda: [(row.name, f"{row.status:<13} {row.source}") for row in rows],
    )


def show_law(
    law: Annotated[LawName, Parameter(help="Name of a law, or a law file.")], *, json: JsonFlag = False
) -> None:
    """One law: coefficients, units, range, outputs."""
    from optimoe.laws.catalog import find_law
    from optimoe.report.records.laws.library import law_show_record
    from optimoe.report.words.law_prose import law_lines

    row, outputs = find_law(law).row, _find_published(law).outputs
    show(json, lambda: law_show_record(row, outputs), lambda: law_lines(row, outputs))


def predict(request: EvaluateRequest, *, json: JsonFlag = False) -> None:
    """Evaluate a law in its own variables."""
    from optimoe.cost.published.catalog import MODELS, find_cost_model
    from optimoe.laws.catalog import find_law
    from optimoe.laws.prediction import LawPrediction, reach_of, unit_of
    from optimoe.laws.prediction import predict as predict_output
    from optimoe.report.records.laws.library import prediction_record
    from optimoe.report.words.laws.prediction import prediction_lines

    law, output, inputs = find_law(request.law), request.output, request.variables()
    if request.allow_inconsistent:
        law = law.allow_inconsistent()
    if request.law in MODELS:
        model = find_cost_model(request.law)
        value, unit = model.evaluate(output, inputs), unit_of(output, law.row.units)
        placed = reach_of(law, output, inputs, value)
        found = LawPrediction(output=output, value=value, unit=unit, meaning=model.meaning(output), reach=placed)
    else:
        found = predict_output(law, output, inputs)
    show(
        json,
        lambda: prediction_record(law.row, inputs, found),
        lambda: prediction_lines(law.row, found),
    )


def check(file: ChecksPath, *, strict: StrictFlag = False, json: JsonFlag = False) -> None:
    """Run a file of [[check]] rows through the library."""
    from optimoe.laws.check import load_checks, run_checks
    from optimoe.report.records.laws.library import checks_record
    from optimoe.report.words.law_prose import check_lines

    checks = load_checks(file)
    if checks.ignored:
        warn(f"{file}: keys that no check has are ignored: {', '.join(map(shown, checks.ignored))}")
    results = run_checks(checks.rows, find=_find_published)
    show(json, lambda: checks_record(results), lambda: check_lines(results))
    if any(result.ok is False or (strict and result.ok is None) for result in results):
        raise SystemExit(1)


def _find_published(name: str) -> "Evaluable":
    """A law, or a published cost model."""
    from optimoe.cost.published.catalog import MODELS, find_cost_model
    from optimoe.laws.check import find_opted_in

    return find_cost_model(name) if name in MODELS else find_opted_in(name)
