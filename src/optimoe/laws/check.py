"""Check-values: rows of a file evaluated through the library and compared with what was published."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from optimoe.core.claims import CheckRow
from optimoe.core.config import build, load_table
from optimoe.core.errors import ConfigError, InputError, require
from optimoe.core.files.reading import Source
from optimoe.core.outputs import Evaluable
from optimoe.laws.catalog import find_law
from optimoe.laws.law import Law


@dataclass(frozen=True, kw_only=True)
class CheckFile:
    """The check-values of a file.

    Attributes:
        rows: Its rows ``[[check]]``.
        ignored: Keys of rows that no check has, such as ``comment``.
    """

    rows: tuple[CheckRow, ...]
    ignored: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class CheckResult:
    """A row with our own value; ``ok`` is none when it cannot be evaluated (``pending`` says why)."""

    law: str
    output: str
    inputs: dict[str, Any]
    expected: float
    ours: float | None
    tolerance_rel: float
    ok: bool | None
    pending: str = ""


def load_checks(path: Path) -> CheckFile:
    """The ``[[check]]`` rows of a file; keys that no check has are ignored, and listed.

    Raises:
        ConfigError: It holds none, or one is malformed.
    """
    tables = load_table(path).get("check")
    if not isinstance(tables, list) or not tables:
        raise ConfigError(f"{path}: must hold rows [[check]], got none")
    known = [field.name for field in fields(CheckRow)]
    rows, ignored = [], dict[str, None]()
    for number, table in enumerate(tables, 1):
        require(isinstance(table, dict), f"{path}: check {number}", "a table", type(table).__name__)
        ignored |= {key: None for key in table if key not in known}
        kept = {key: value for key, value in table.items() if key in known}
        rows.append(build(CheckRow, kept, where=f"{path}: check {number}"))
    return CheckFile(rows=tuple(rows), ignored=tuple(ignored))


def run_checks(rows: Iterable[CheckRow], find: Callable[[str], Evaluable] | None = None) -> list[CheckResult]:
    """Evaluate every row; one that cannot be evaluated is listed as pending, with the reason.

    That is a law or an output that is not in the library, a missing input, or a data set not at hand.

    A law that is inconsistent as printed is evaluated too: a check is the explicit opt-in.

    Args:
        rows: What to evaluate.
        find: Where laws, and other published models, come from; the library if left out.
    """
    return [_run(row, find or find_opted_in) for row in rows]


def find_opted_in(name: str | Source) -> Law:
    """A law of the library, evaluated even if it cannot be right as printed."""
    return find_law(name).allow_inconsistent()


def _run(row: CheckRow, find: Callable[[str], Evaluable]) -> CheckResult:
    ours: float | None
    try:
        ours, pending = float(find(row.law).evaluate(row.output, _floats(row.inputs))), ""
    except InputError as error:
        ours, pending = None, str(error)
    return CheckResult(
        law=row.law,
        output=row.output,
        inputs=row.inputs,
        expected=row.value,
        ours=ours,
        tolerance_rel=row.tolerance_rel,
        ok=None if ours is None else abs(ours - row.value) <= row.tolerance_rel * abs(row.value),
        pending=pending,
    )


def _floats(inputs: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value if isinstance(value, str | bool) else float(value) for name, value in inputs.items()}
