"""Tables as people have them: files, frames and trackers' exports as columns, and formulas over columns."""

import ast
import contextlib
import csv
import json
import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from optimoe.arch.hf import from_config
from optimoe.core.errors import ConfigError, UnknownNameError, require
from optimoe.core.run import RunLog, RunRecord, load_run_records

Columns = dict[str, np.ndarray]
"""Columns by name, of equal length: raw cells (objects), numbers or text."""

_OPERATORS: dict[type[ast.AST], Callable[..., Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
    ast.USub: operator.neg,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.And: np.logical_and,
    ast.Or: np.logical_or,
    ast.Not: np.logical_not,
}


def evaluate(formula: str, columns: Mapping[str, Any]) -> Any:
    """A formula of column names, numbers, text, ``+ - * / **``, comparisons, ``and or not``.

    A column whose name is no identifier can stand alone: ``"Train Loss"``.

    Raises:
        ConfigError: It is something else.
        UnknownNameError: It names no column.
    """
    if formula.strip() in columns:
        return columns[formula.strip()]
    try:
        tree = ast.parse(formula.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError):
        raise UnknownNameError("column", formula, columns) from None
    try:
        return _value(tree, columns)
    except TypeError:
        raise ConfigError(f"{formula!r}: mixes text and numbers") from None


def _value(node: ast.AST, columns: Mapping[str, Any]) -> Any:
    match node:
        case ast.Constant(value=str() as text):
            return text
        case ast.Constant(value=int() | float() as number):
            return float(number)
        case ast.Name() | ast.Attribute():
            return named(columns, ast.unparse(node))
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
            with np.errstate(divide="ignore", invalid="ignore"):
                return _OPERATORS[type(op)](_value(left, columns), _value(right, columns))
        case ast.UnaryOp(op=op, operand=operand) if type(op) in _OPERATORS:
            return _OPERATORS[type(op)](_value(operand, columns))
        case ast.BoolOp(op=op, values=[first, *rest]):
            result = _value(first, columns)
            for part in rest:
                result = _OPERATORS[type(op)](result, _value(part, columns))
            return result
        case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in _OPERATORS:
            return _OPERATORS[type(op)](_value(left, columns), _value(right, columns))
    raise ConfigError(f"{ast.unparse(node)!r}: only columns, numbers, + - * / **, comparisons, and, or, not")


def named(columns: Mapping[str, Any], name: str) -> Any:
    """A column of the table by its name.

    Raises:
        UnknownNameError: There is none of that name.
    """
    if name not in columns:
        raise UnknownNameError("column", name, columns)
    return columns[name]


def read_tables(paths: Sequence[Path]) -> Columns:
    """Files or folders, one under the other; of several, the column ``file`` says which a row is of.

    Raises:
        ConfigError: One cannot be read, or is there twice.
    """
    require(len(paths) > 0, "runs", "at least one file", "none")
    if len(paths) == 1:
        return read_table(paths[0])
    names = _file_names(paths)
    require(len(set(names)) == len(names), "runs", "different files", ", ".join(names))
    tables = [read_table(path) for path in paths]
    return _stacked(
        [
            {"file": np.full(_num_rows(table), name, dtype=object), **table}
            for name, table in zip(names, tables, strict=True)
        ]
    )


def _file_names(paths: Sequence[Path]) -> list[str]:
    """Stems, with the folder before them where two files have one stem: ``gemstones/runs``."""
    stems = [path.stem for path in paths]
    if len(set(stems)) < len(stems):
        stems = [f"{path.resolve().parent.name}/{path.stem}" for path in paths]
    return stems if len(set(stems)) == len(stems) else [str(path) for path in paths]


def read_table(path: Path) -> Columns:
    """A file, or the files of a folder one under the other."""
    if not path.is_dir():
        return _read_file(path)
    files = sorted(file for file in path.iterdir() if file.suffix in (".csv", ".json", ".jsonl"))
    require(files, str(path), "a folder of CSV or JSON files", "none")
    return _stacked([_read_file(file) for file in files])


def _num_rows(table: Columns) -> int:
    return len(next(iter(table.values()), ()))


def _stacked(tables: Sequence[Columns]) -> Columns:
    """Tables one under the other; cells that a table has no column for are empty."""
    names = list(dict.fromkeys(name for table in tables for name in table))
    blank = [np.full(_num_rows(table), "", dtype=object) for table in tables]
    return {
        name: np.concatenate([table.get(name, empty) for table, empty in zip(tables, blank, strict=True)])
        for name in names
    }


def _read_file(path: Path) -> Columns:
    try:
        if path.suffix == ".parquet":
            return columns_of(_read_parquet(path))
        text = path.read_text(encoding="utf-8-sig")
        if path.suffix == ".jsonl" and _holds_run_records(text):
            return run_columns(load_run_records(path))
        if path.suffix == ".csv":
            records: list[Any] = list(csv.DictReader(text.splitlines()))
        else:
            records = _json_records(text, path.suffix)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})") from None
    except ValueError as error:
        raise ConfigError(f"{path}: cannot be read ({error})") from None
    return _unfold(columns_of(records), path.stem)


def _json_records(text: str, suffix: str) -> Any:
    if suffix == ".jsonl":
        return [json.loads(line) for line in text.splitlines() if line.strip()]
    content = json.loads(text)
    if isinstance(content, list) and content and isinstance(content[0], list):  # TensorBoard's JSON
        return [dict(zip(("Wall time", "Step", "Value"), row, strict=True)) for row in content]
    return content


def _holds_run_records(text: str) -> bool:
    """Whether lines are records that :func:`optimoe.core.run.append_run_record` wrote."""
    return any(line.startswith('{"run": {"name": ') and '"run_id": ' in line for line in text.split("\n"))


def run_columns(log: RunLog) -> Columns:
    """Records of training runs as a table, one row a run, in the symbols of the laws.

    Columns: ``run`` (the id), ``name``, ``seed``, ``status`` (finished, stopped, diverged; cut short of a torn
    line), ``tokenizer`` and ``dataset`` (sources joined by +); ``N`` and ``N_act`` (parameters, total and active,
    with embeddings), ``N_nonembedding`` and ``N_act_nonembedding``; ``D`` (tokens seen); ``C`` (6·N_act·D) and
    ``train_flops`` (as counted); ``E``, ``k``, ``E_s`` (routed experts, experts per token, shared ones; 1, 1, 0 of
    a dense model); ``loss`` (held-out, nats per token) and ``seconds`` (of training).

    Numbers of a torn line are empty, so that the table's own check of rows names it.

    Raises:
        ConfigError: The architecture of a run is no ``config.json`` that can be read.
    """
    rows = [_run_row(record) for record in log.records]
    # a torn row takes the text of the others, or it would count as another tokenizer and data set
    torn = {key: rows[0][key] for key in ("tokenizer", "dataset") if rows} | {"status": "cut short"}
    return columns_of(rows + [torn] * len(log.torn))


def _run_row(record: RunRecord) -> dict[str, Any]:
    run = record.run
    moe = from_config(run.architecture, name=run.name).moe
    return {
        "run": record.run_id,
        "name": run.name,
        "seed": run.seed,
        "status": record.status,
        "tokenizer": run.data.tokenizer,
        "dataset": "+".join(source.name for source in run.data.sources),
        "N": record.params_total,
        "N_act": record.params_active,
        "N_nonembedding": record.params_nonembedding,
        "N_act_nonembedding": record.params_active_nonembedding,
        "D": record.tokens_seen,
        "C": record.train_flops_6nd,
        "train_flops": record.train_flops,
        "E": moe.num_experts if moe else 1,
        "k": moe.top_k if moe else 1,
        "E_s": moe.num_shared_experts if moe else 0,
        "loss": record.loss,
        "seconds": record.seconds,
    }


def _read_parquet(path: Path) -> Any:
    for library in ("pyarrow.parquet", "polars"):
        try:
            module = __import__(library, fromlist=["read"])
        except ImportError:
            continue
        return (module.read_table if library.startswith("pyarrow") else module.read_parquet)(path)
    raise ConfigError(f"{path}: Parquet needs pyarrow or polars (pip install 'optimoe[tables]')")


def columns_of(table: Any) -> Columns:
    """Columns of a mapping, a list of (nested) records or any frame."""
    if isinstance(table, list):
        flat = [dict(_flatten(record)) for record in table]
        names = list(dict.fromkeys(name for record in flat for name in record))
        table = {name: [record.get(name, "") for record in flat] for name in names}
    elif not isinstance(table, Mapping):
        import narwhals

        table = narwhals.from_native(table, eager_only=True).to_dict(as_series=False)
    return {name: np.array(values, dtype=object) for name, values in table.items()}


def _flatten(record: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, Any]]:
    """Nested records with dotted names, as MLflow writes them: ``config.width``, ``summary.loss``."""
    for name, value in record.items():
        if isinstance(value, str) and value.startswith("{"):  # a record inside a CSV cell (W&B's run table)
            with contextlib.suppress(ValueError, SyntaxError):
                value = ast.literal_eval(value)
        if isinstance(value, Mapping):
            yield from _flatten(value, f"{prefix}{name}.")
        else:
            yield prefix + str(name), value


def _unfold(columns: Columns, stem: str) -> Columns:
    """Exports as plain tables with ``run``, ``step`` and ``loss``."""
    if set(columns) == {"Wall time", "Step", "Value"}:  # TensorBoard: run-NAME-tag-TAG.csv
        run = stem.removeprefix("run-").split("-tag-")[0]
        return {
            "run": np.full(len(columns["Step"]), run, dtype=object),
            "step": columns["Step"],
            "loss": columns["Value"],
        }
    charts = [name for name in columns if " - " in name and not name.endswith(("__MIN", "__MAX"))]
    if charts and "Step" in columns:  # W&B: one column a run, "NAME - METRIC"
        filled = {name: columns[name] != "" for name in charts}
        runs = [np.full(filled[name].sum(), name.rsplit(" - ", 1)[0], dtype=object) for name in charts]
        return {
            "run": np.concatenate(runs),
            "step": np.concatenate([columns["Step"][filled[name]] for name in charts]),
            "loss": np.concatenate([columns[name][filled[name]] for name in charts]),
        }
    renamed = {"run_id": "run", "Name": "run", "name": "run", "State": "status", "state": "status"}
    return {
        renamed.get(name, name) if renamed.get(name) not in columns else name: columns[name] for name in columns
    }


def typed(values: np.ndarray) -> np.ndarray:
    """Numbers where every cell is one (or empty: NaN), else text."""
    try:
        return np.array([np.nan if value in ("", None) else float(value) for value in values])
    except (TypeError, ValueError):
        return as_text(values)


def as_text(values: np.ndarray) -> np.ndarray:
    """Cells as text; whole numbers without a decimal point."""
    return np.array([f"{value:g}" if isinstance(value, float) else str(value) for value in values], dtype=object)
