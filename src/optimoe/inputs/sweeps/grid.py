"""A file of runs, or of grids of them: every combination of the values of some axes becomes a run.

::

    [run]                     # what all runs have: fields of a run
    batch_tokens = 1024
    [design]                  # what all models have: fields of Proportions
    active_ffn_ratio = 3
    [[grid]]
    [grid.axes]               # a field with its values, or any name with tables of fields, each with a name
    size = [{ name = "s", d_model = 48, num_layers = 4 }, { name = "m", d_model = 96, num_layers = 4 }]
    num_experts = [1, 8]
    seed = [0, 1]

A grid may have tables ``run`` and ``design`` of its own, which come on top of those of the file.
"""

from collections.abc import Iterator, Mapping
from dataclasses import fields
from itertools import product
from pathlib import Path
from typing import Any

from optimoe.arch.hf import to_config
from optimoe.arch.params import count_params
from optimoe.arch.proportions import Proportions
from optimoe.core.config import build, convert, load_table
from optimoe.core.errors import ConfigError, InputError, UnknownNameError, require, shown
from optimoe.core.run import AskedRun, RunSpec, load_asked_runs
from optimoe.core.run.asked import BATCH, asked_from_table
from optimoe.core.units import format_count

GRIDS, MOST_RUNS = "grid", 10_000

LARGE = 10_000
"""From here on a number stands in a name as 2.00M."""

MOST_PER_PARAM = 1e9
PER_PARAM = "tokens_per_param"
"""In place of ``tokens``: over the active parameters, embeddings in, in whole steps."""

SHORT = {"num_experts": "e", "top_k": "k", "num_shared_experts": "shared", "d_model": "d", "num_layers": "l"} | {
    "seed": "s", "granularity": "g", "expert_attention_ratio": "r", "tokens": "", PER_PARAM: "x",
}  # fmt: skip
"""What stands before a value in the name of a run; the axis' own name where none is listed."""

_DESIGN = tuple(field.name for field in fields(Proportions))
_RUN = tuple(field.name for field in fields(RunSpec) if field.name not in ("name", "architecture"))


def load_sweep(path: Path) -> tuple[AskedRun, ...]:
    """The runs of a file: stated one by one (``docs/runs.md``), or as grids.

    Raises:
        ConfigError: The file cannot be read, a field is missing or out of limits, or two runs have one name or
            are one run.
        UnknownNameError: A key is no field; lists the nearest.
    """
    table = load_table(path)
    if GRIDS not in table:
        return load_asked_runs(path)
    for key in table:
        if key not in (GRIDS, "run", "design"):
            raise UnknownNameError(f"{path}: table", key, (GRIDS, "run", "design"))
    grids = table[GRIDS] if isinstance(table[GRIDS], list) else [table[GRIDS]]
    found: dict[str, AskedRun] = {}
    for number, grid in enumerate(grids, 1):
        where = f"{path}: grid {number}"
        require(isinstance(grid, dict), where, "a table", grid)
        for asked in _runs(grid, table, where):
            name = asked.run.name
            require(name not in found, f"{where}: name", "another for each run", f"{name} twice")
            found[name] = asked
    ids: dict[tuple[str, ...], str] = {}
    for name, asked in found.items():
        same = ids.setdefault((asked.run.run_id, asked.rate_rule, asked.batch_rule), name)
        require(same == name, str(path), "runs that differ", f"{same} and {name}, which are one")
    return tuple(found.values())


def _runs(grid: Mapping[str, Any], shared: Mapping[str, Any], where: str) -> Iterator[AskedRun]:
    """The runs of one grid, the last axis turning fastest."""
    for key in grid:
        if key not in ("axes", "run", "design"):
            raise UnknownNameError(f"{where}: table", key, ("axes", "run", "design"))
    common: dict[str, Any] = {}
    for part in (shared, grid):
        for name, known in (("run", _RUN), ("design", _DESIGN)):
            _merge(common, _known(part.get(name, {}), known, f"{where}: {name}"))
    axes = grid.get("axes", {})
    require(isinstance(axes, dict) and axes, f"{where}: axes", "a table of lists of values", axes)
    values = [_values(name, listed, f"{where}: axes: {shown(name, 20)}") for name, listed in axes.items()]
    number = 1
    for each in values:
        number *= len(each)
    require(number <= MOST_RUNS, where, f"at most {MOST_RUNS:,} runs", f"{number:,}")
    for cell in product(*values):
        stated: dict[str, Any] = {}
        _merge(stated, common)
        for _, table in cell:
            _merge(stated, table)
        labels = [label for (label, _), all_of in zip(cell, values, strict=True) if len(all_of) > 1]
        yield _run("-".join(labels) or "run", stated, where)


def _values(axis: str, listed: Any, where: str) -> list[tuple[str, dict[str, Any]]]:
    """The values of an axis: each with what it adds to a name, and the fields that it states."""
    require(isinstance(listed, list) and listed, where, "a list of values", listed)
    return [_value(axis, value, where) for value in listed]


def _value(axis: str, value: Any, where: str) -> tuple[str, dict[str, Any]]:
    """One value of an axis: a number or word of the field of that name, or a table with a name."""
    field = axis in _known_fields()
    if not isinstance(value, dict):
        if not field:
            raise UnknownNameError(f"{where}: field", axis, _known_fields())
        written = format_count(value) if isinstance(value, int) and value >= LARGE else str(value)
        return f"{SHORT.get(axis, axis)}{written}", {axis: value}
    name = value.get("name")
    require(isinstance(name, str) and name, f"{where}: name", "given for each value", name)
    table = {key: item for key, item in value.items() if key != "name"}
    return str(name), {axis: table} if field else _known(table, _known_fields(), where)


def _known_fields() -> tuple[str, ...]:
    return (*_DESIGN, *_RUN, PER_PARAM)


def _known(table: Any, known: tuple[str, ...], where: str) -> dict[str, Any]:
    """A table of fields that there are.

    Raises:
        UnknownNameError: One is none; lists the nearest.
    """
    require(isinstance(table, dict), where, "a table", table)
    for key in table:
        if key not in known and key != PER_PARAM:
            raise UnknownNameError(f"{where}: field", key, known)
    return dict(table)


def _merge(into: dict[str, Any], table: Mapping[str, Any]) -> None:
    """Put fields on top of others; tables are merged but for routers and pools, which are stated whole."""
    for key, value in table.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict) and key not in ("router", "peer"):
            into[key] = into[key] | value
        else:
            into[key] = value


def _per_param(stated: Any) -> float:
    """The tokens for each parameter, as a number that can be.

    Raises:
        ConfigError: It is none.
    """
    each: float = convert(stated, float, PER_PARAM)
    require(0 < each <= MOST_PER_PARAM, PER_PARAM, f"above 0 and at most {MOST_PER_PARAM:,.0f}", each)
    return each


def _run(name: str, stated: Mapping[str, Any], where: str) -> AskedRun:
    """One cell as a run.

    Raises:
        ConfigError: With the cell, the field, the limit and the value.
    """
    where = f"{where}: {shown(name)}"
    fields_of_run = {key: value for key, value in stated.items() if key in _RUN}
    shape = {key: value for key, value in stated.items() if key in _DESIGN}
    try:
        shape.setdefault("context", stated.get("seq_len", Proportions.context))
        arch = build(Proportions, shape, "design").arch(name)
        if PER_PARAM in stated:
            require("tokens" not in stated, "tokens", f"left out beside {PER_PARAM}", stated.get("tokens"))
            batch, each = convert(stated.get("batch_tokens", 1), int, BATCH), _per_param(stated[PER_PARAM])
            require(batch >= 1, BATCH, "positive", batch)
            fields_of_run["tokens"] = max(1, round(each * count_params(arch).active / batch)) * batch
        table = {"name": name, "architecture": to_config(arch, "optimoe"), **fields_of_run}
        return asked_from_table(table, "run")
    except InputError as error:
        raise ConfigError(f"{where}: {error}") from None
