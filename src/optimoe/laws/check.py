"""Check-values: rows of a file evaluated through the library and compared with what was published."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from optimoe.core.config import build, load_toml
from optimoe.core.errors import ConfigError, InputError
from optimoe.core.outputs import Evaluable
from optimoe.laws.catalog import find_law
from optimoe.laws.law import Law


@dataclass(frozen=True, kw_only=True)
class CheckRow:
    """One row ``[[check]]``: ``|law(inputs).output − value| ≤ tolerance_rel·|value|``."""

    law: str
    output: str
    value: float
    tolerance_rel: float
    inputs: dict[str, Any]
    source: str
    where: str = ""
    note: str = ""


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


def load_checks(path: Path) -> list[CheckRow]:
    """The ``[[check]]`` rows of a file.

    Raises:
        ConfigError: It holds none, or one is malformed.
    """
    rows = load_toml(path).get("check")
    if not isinstance(rows, list) or not rows:
        raise ConfigError(f"{path}: must hold rows [[check]], got none")
    return [build(CheckRow, row, where=f"{path}: check {number}") for number, row in enumerate(rows, 1)]


def run_checks(rows: Iterable[CheckRow], find: Callable[[str], Evaluable] | None = None) -> list[CheckResult]:
    """Evaluate every row; one that cannot be evaluated is listed as pending, with the reason.

    That is a law or an output that is not in the library, a missing input, or a data set not at hand.

    A law that is inconsistent as printed is evaluated too: a check is the explicit opt-in.

    Args:
        rows: What to evaluate.
        find: Where laws, and other published models, come from; the library if left out.
    """
    return [_run(row, find or find_opted_in) for row in rows]


def find_opted_in(name: str) -> Law:
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
