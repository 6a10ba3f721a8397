"""Files of runs, TOML or JSON: one run as the table ``run``, several as an array of such tables."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from optimoe.core.config import load_table, to_toml
from optimoe.core.errors import ConfigError, InputError, UnknownNameError, shown
from optimoe.core.files import write_text
from optimoe.core.run.asked import AskedRun, asked_from_table
from optimoe.core.run.spec import NULL, RunSpec, run_from_table, run_table

TABLES = ("run", "plan")
"""What a file of runs may hold: the runs, and what the plan that asked for them predicts."""

ENDINGS = (".toml", ".json")

Run = TypeVar("Run")


def load_runs(path: Path) -> tuple[RunSpec, ...]:
    """Read the runs of a file, in its order.

    Args:
        path: A ``.toml`` or ``.json`` file with one ``run`` or a list of them; a table ``plan`` beside them is for
            people and is not read.

    Raises:
        InputError: Another ending.
        ConfigError: The file cannot be read or holds no run, a field is missing, of the wrong type or out of
            limits, or a name stands twice.
        UnknownNameError: A key is no field; the text lists the nearest.
    """
    runs = _read(path, run_from_table)
    _require_unique((run.name for run in runs), str(path))
    return runs


def load_asked_runs(path: Path) -> tuple[AskedRun, ...]:
    """Read the runs of a file in which rules may stand for numbers; errors are those of :func:`load_runs`."""
    asked = _read(path, asked_from_table)
    _require_unique((one.run.name for one in asked), str(path))
    return asked


def save_runs(
    path: Path, runs: Sequence[RunSpec], plan: Mapping[str, Any] | None = None, comment: str = ""
) -> None:
    """Write runs as TOML or JSON, by the ending of the file; :func:`load_runs` reads them.

    Args:
        path: Where to.
        runs: What to write, with every default.
        plan: What the plan that asked for them predicts, as a table of its own.
        comment: Lines for people at the head of a TOML file.

    Raises:
        InputError: Another ending, or the place cannot be written.
        ConfigError: There is no run, or two have one name.
    """
    _require_ending(path)
    if path.suffix == ".toml":
        write_text(path, runs_toml(runs, plan, comment))
    else:
        table = _table([run_table(run) for run in runs], plan)
        _require_unique((run.name for run in runs), str(path))
        write_text(path, json.dumps(table, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def runs_toml(runs: Sequence[RunSpec], plan: Mapping[str, Any] | None = None, comment: str = "") -> str:
    """The text of a TOML file of runs; arguments are those of :func:`save_runs`.

    TOML has no null: the fields of ``architecture`` that are null are listed under its key ``null``.

    Raises:
        ConfigError: There is no run, or two have one name.
    """
    _require_unique((run.name for run in runs), "runs")
    return to_toml(_table([_without_nulls(run_table(run)) for run in runs], plan), comment)


def _table(rows: list[dict[str, Any]], plan: Mapping[str, Any] | None) -> dict[str, Any]:
    """One run is a table, several are a list; the plan comes first where there is one, to be seen."""
    return ({"plan": plan} if plan else {}) | {"run": rows[0] if len(rows) == 1 else rows}


def _read(path: Path, read: Callable[[dict[str, Any], str], Run]) -> tuple[Run, ...]:
    """What the tables of a file state, in its order.

    Raises:
        InputError: Another ending.
        ConfigError: The file cannot be read or holds no run, or a run is none, with its name or number.
    """
    _require_ending(path)
    table = load_table(path)
    for key in table:
        if key not in TABLES:
            raise UnknownNameError(f"{path}: table", key, TABLES)
    rows = table.get("run")
    rows = [rows] if isinstance(rows, dict) else rows
    if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
        raise ConfigError(f"{path}: must hold a table [run], or several [[run]]")
    return tuple(_run(path, number, row, read) for number, row in enumerate(rows, 1))


def _run(path: Path, number: int, row: dict[str, Any], read: Callable[[dict[str, Any], str], Run]) -> Run:
    """One run of a file.

    Raises:
        ConfigError: With the file, the run's name or number, and the field.
    """
    name = row.get("name")
    where = f"{path}: run {shown(name) if isinstance(name, str) and name else number}"
    try:
        return read(_with_nulls(row), where)
    except InputError as error:
        text = str(error)
        raise ConfigError(text if text.startswith(where) else f"{where}: {text}") from None


def _require_unique(names: Iterable[str], where: str) -> None:
    """Refuse a file of no run, or one in which a name stands twice.

    Raises:
        ConfigError: The name.
    """
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise ConfigError(f"{where}: name: must be unique, got {shown(repr(name))} twice")
        seen.add(name)
    if not seen:
        raise ConfigError(f"{where}: must hold one run or more, got none")


def _require_ending(path: Path) -> None:
    """Refuse a file that is neither TOML nor JSON by its name.

    Raises:
        InputError: The ending is another.
    """
    if path.suffix not in ENDINGS:
        raise InputError(f"{path}: must end in {' or '.join(ENDINGS)}")


def _without_nulls(value: Any) -> Any:
    """Tables whose null fields are listed by name under ``null``, and left out themselves.

    Top-level fields that are None (a layout that the trainer chooses) are only left out: absent is their default.
    """
    return {key: _listed_nulls(item) for key, item in value.items() if item is not None}


def _listed_nulls(value: Any) -> Any:
    if isinstance(value, list):
        return [_listed_nulls(item) for item in value]
    if not isinstance(value, dict):
        return value
    nulls = [key for key, item in value.items() if item is None]
    rest = {key: _listed_nulls(item) for key, item in value.items() if item is not None}
    return rest | ({NULL: nulls} if nulls else {})


def _with_nulls(value: Any) -> Any:
    """The inverse of listing nulls by name.

    Raises:
        ConfigError: The list holds something else than names of absent fields.
    """
    if isinstance(value, list):
        return [_with_nulls(item) for item in value]
    if not isinstance(value, dict):
        return value
    rest = {key: _with_nulls(item) for key, item in value.items() if key != NULL}
    nulls = value.get(NULL, [])
    if not isinstance(nulls, list) or not all(isinstance(key, str) and key not in rest for key in nulls):
        raise ConfigError(f"{NULL}: must list names of fields that are absent, got {shown(repr(nulls))}")
    return rest | dict.fromkeys(nulls)
