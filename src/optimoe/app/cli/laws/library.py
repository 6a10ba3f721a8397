"""``optimoe laws``: the law library."""

from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from optimoe.app.cli.printing import print_json, print_lines
from optimoe.core.errors import InputError
from optimoe.core.outputs import Evaluable
from optimoe.core.units import parse_quantity
from optimoe.cost.published.catalog import MODELS, find_cost_model
from optimoe.inputs.quantities import Flag
from optimoe.laws.catalog import find_law, law_names
from optimoe.laws.check import find_opted_in, load_checks, run_checks
from optimoe.report.records.laws.library import checks_record, law_list_record, law_show_record, prediction_record


def list_laws(*, json: Flag = False) -> None:
    """Every law with its status and source.

    Args:
        json: One JSON object instead of text.
    """
    rows = [find_law(name).row for name in law_names()]
    if json:
        print_json(law_list_record(rows))
        return
    print_lines([(row.name, f"{row.status:<13} {row.source}") for row in rows])


def show(law: str, *, json: Flag = False) -> None:
    """One law: coefficients, units, range, outputs.

    Args:
        law: Name, or a law file.
        json: One JSON object instead of text.
    """
    row = find_law(law).row
    outputs = _find_published(law).outputs
    if json:
        print_json(law_show_record(row, outputs))
        return
    print_lines(
        [
            ("Law", f"{row.name}, family {row.family}, {row.status}"),
            ("Source", row.source),
            ("Values", ", ".join(f"{symbol} = {value:g}" for symbol, value in row.coefficients.items())),
            ("Units", ", ".join(f"{symbol}: {unit}" for symbol, unit in row.units.items())),
            (
                "Range",
                ", ".join(f"{low:g} ≤ {symbol} ≤ {high:g}" for symbol, (low, high) in row.range.items()),
            ),
            (
                "Gives",
                ", ".join(f"{symbol}({', '.join(inputs)})" for symbol, inputs in outputs.items()),
            ),
            ("Notes", row.notes),
        ]
    )


def predict(
    *,
    law: str,
    set: Annotated[list[str] | None, Parameter(negative="")] = None,
    output: str = "L",
    allow_inconsistent: Flag = False,
    json: Flag = False,
) -> None:
    """Evaluate a law in its own variables.

    Args:
        law: Name, or a law file.
        set: A variable of the law and its value, such as N=7e9 (once for each).
        output: What to evaluate: L for the loss, or another output of `laws show`.
        allow_inconsistent: Evaluate a law that cannot be right as printed; not for predictions.
        json: One JSON object instead of text.
    """
    found = find_law(law)
    if allow_inconsistent:
        found = found.allow_inconsistent()
    inputs = dict(_assignment(text) for text in set or [])
    model = find_cost_model(law) if law in MODELS else found
    value = model.evaluate(output, inputs)
    if json:
        print_json(prediction_record(found.row, output, inputs, value))
        return
    print_lines([(output, f"{value:.7g}"), ("Law", f"{found.row.name}, {found.row.status}: {found.row.source}")])


def check(file: Path, *, json: Flag = False) -> None:
    """Run a file of [[check]] rows through the library.

    Args:
        file: TOML with rows [[check]]: law, inputs, output, value, tolerance_rel, source.
        json: One JSON object instead of text.
    """
    results = run_checks(load_checks(file), find=_find_published)
    passed = sum(result.ok is True for result in results)
    failed = [result for result in results if result.ok is False]
    pending = [result for result in results if result.ok is None]
    if json:
        print_json(checks_record(results))
    else:
        lines = [("Passed", f"{passed} of {len(results)}")]
        lines += [
            ("Failed", f"{r.law} {r.output} {r.inputs}: expected {r.expected:g}, ours {r.ours:g}") for r in failed
        ]
        lines += [("Pending", f"{r.law} {r.output}: {r.pending}") for r in pending]
        print_lines(lines)
    if failed:
        raise SystemExit(1)


def _find_published(name: str) -> Evaluable:
    """A law, or a published cost model."""
    return find_cost_model(name) if name in MODELS else find_opted_in(name)


def _assignment(text: str) -> tuple[str, Any]:
    symbol, equals, value = text.partition("=")
    if not equals or not symbol:
        raise InputError(f"--set: must be like N=7e9, got {text!r}")
    try:
        return symbol, parse_quantity(value)
    except InputError:
        return symbol, value
