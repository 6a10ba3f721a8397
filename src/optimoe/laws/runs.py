"""Tables of training runs: variables by law symbol, loss, labels, and what is wrong with which row."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from jaxtyping import Bool, Float

from optimoe.arch.flops import TRAIN_FLOPS_PER_PARAM_TOKEN
from optimoe.core.errors import ConfigError, UnknownNameError, require
from optimoe.laws.tables import Columns, as_text, columns_of, evaluate, named, read_tables, typed

LABELS = ("run", "seed", "budget", "tokenizer", "dataset", "status", "file")
"""Columns taken as labels under their own name when the table has them."""
ONE_OF_A_KIND = ("tokenizer", "dataset")
SMALLEST = {
    "N": (1e4, "parameters"),
    "N_act": (1e4, "parameters"),
    "D": (1e6, "tokens"),
    "C": (1e12, "FLOPs"),
}
"""Below this in every row, a column is in millions or billions of its unit."""
LARGEST_LOSS = 20.0
FINISHED = ("finished", "completed", "success", "")
LISTED_ROWS = 5

BadRows = Literal["refuse", "exclude"]


@dataclass(frozen=True, kw_only=True)
class Flag:
    """A remark on one row.

    Attributes:
        row: Its number in the table it came from, from 1.
        run: Its run id, empty when there is none.
        reason: In words.
        used: Whether the row is still among the observations.
    """

    row: int
    run: str
    reason: str
    used: bool


@dataclass(frozen=True, kw_only=True)
class Observations:
    """Runs of one tokenizer and data set, one row a run (or a point of its curve).

    Attributes:
        variables: By law symbol (``N``, ``D``, ``E``…), base units. Sizes, tokens, FLOPs and experts (N…, D…,
            C…, E) are positive, others (shares, sparsity, shared experts) may be zero.
        loss: Nats per token.
        labels: Text by name: ``run``, ``seed``, ``budget``… and whatever was asked for.
        rows: Number of each row in its table, from 1.
        source: Where the table came from.
        flags: Rows left out, with the reason.
    """

    variables: dict[str, Float[np.ndarray, " runs"]]
    loss: Float[np.ndarray, " runs"]
    labels: dict[str, np.ndarray] = field(default_factory=dict)
    rows: np.ndarray = field(default_factory=lambda: np.empty(0, dtype=int))
    source: str = "observations"
    flags: tuple[Flag, ...] = ()

    def __post_init__(self) -> None:
        if not len(self.rows):
            object.__setattr__(self, "rows", np.arange(1, len(self.loss) + 1))
        require(len(self.loss) > 0, "observations", "at least one row", 0)
        for name, column in {"loss": self.loss, **self.variables, **self.labels}.items():
            require(len(column) == len(self.loss), name, f"of {len(self.loss)} rows", len(column))
        for name, column in {"loss": self.loss, **self.variables}.items():
            require(~_unusable(name, column), name, "positive and finite in every row", column)

    def __len__(self) -> int:
        return len(self.loss)

    def column(self, symbol: str) -> Float[np.ndarray, " runs"]:
        """A variable's column by its symbol.

        Raises:
            UnknownNameError: The table has none of that name.
        """
        if symbol not in self.variables:
            raise UnknownNameError("observations: variable", symbol, self.variables)
        return self.variables[symbol]

    def any_column(self, name: str) -> np.ndarray:
        """A column by name: a variable, a label, or ``size``.

        Raises:
            UnknownNameError: The table has none of that name.
        """
        if name == "size":
            return self.size
        columns = {**self.labels, **self.variables}
        if name not in columns:
            raise UnknownNameError("observations: variable or label", name, columns)
        return columns[name]

    @property
    def size(self) -> Float[np.ndarray, " runs"]:
        """What "larger" means: training FLOPs C, else 6·N·D, else parameters."""
        if "C" in self.variables:
            return self.variables["C"]
        params = next((self.variables[name] for name in ("N_act", "N") if name in self.variables), None)
        if params is None:
            raise ConfigError("observations: need C, N or N_act to say which runs are larger")
        return TRAIN_FLOPS_PER_PARAM_TOKEN * params * self.variables["D"] if "D" in self.variables else params

    def select(self, rows: Bool[np.ndarray, " runs"]) -> "Observations":
        """The rows where the mask is true."""
        return Observations(
            variables={name: column[rows] for name, column in self.variables.items()},
            loss=self.loss[rows],
            labels={name: column[rows] for name, column in self.labels.items()},
            rows=self.rows[rows],
            source=self.source,
            flags=self.flags,
        )

    def where(self, condition: str) -> Bool[np.ndarray, " runs"]:
        """Rows that meet a condition on variables, labels, ``loss`` or ``size``: ``"E > 1 and D < 1e11"``."""
        columns = {**self.labels, **self.variables, "loss": self.loss}
        if "size" in condition:
            columns["size"] = self.size
        return np.broadcast_to(np.asarray(evaluate(condition, columns), dtype=bool), self.loss.shape)

    def run_name(self, number: int) -> str:
        """The run id of a row, empty when there is none."""
        return str(self.labels["run"][number]) if "run" in self.labels else ""


def load_observations(
    path: Path | Sequence[Path],
    columns: Mapping[str, str] | None = None,
    *,
    where: str = "",
    labels: Mapping[str, str] | None = None,
    bad_rows: BadRows = "refuse",
) -> Observations:
    """Read runs from a file or a folder of files: CSV, JSON, JSON lines (also those of a trainer), Parquet.

    Exports are recognised by their columns: TensorBoard's (``Wall time``, ``Step``, ``Value``), the charts
    and run tables of W&B, the run tables of MLflow (dotted names).

    Args:
        path: The file, or a folder of CSV and JSON files that are read as one table. Several are put one under the
            other; the label ``file`` is the stem of each, with its folder where two stems are the same.
        columns: Symbol to column name or formula, such as ``{"N": "params", "D": "flops/(6*params)"}``.
            Without it, every numeric column is a variable under its own name.
        where: Rows to take, a condition on the table's columns: ``"k == 1 and router == 'S-Base'"``.
        labels: Further label to column name.
        bad_rows: What to do with rows that cannot be used: ``refuse`` the table, or ``exclude`` and flag.

    Raises:
        ConfigError: The file cannot be read, or a row or column cannot be used.
    """
    paths = (path,) if isinstance(path, Path) else tuple(path)
    source = ", ".join(map(str, paths))
    return as_observations(
        read_tables(paths), columns, where=where, labels=labels, bad_rows=bad_rows, source=source
    )


def as_observations(
    table: Any,
    columns: Mapping[str, str] | None = None,
    *,
    where: str = "",
    labels: Mapping[str, str] | None = None,
    bad_rows: BadRows = "refuse",
    source: str = "table",
) -> Observations:
    """Runs from a mapping of columns, or from any data frame (pandas, polars, pyarrow… through narwhals).

    Arguments and errors are those of :func:`load_observations`.
    """
    raw = {name: typed(values) for name, values in columns_of(table).items()}
    rows = np.arange(1, len(next(iter(raw.values()), ())) + 1)
    if where:
        taken = np.broadcast_to(np.asarray(evaluate(where, raw), dtype=bool), rows.shape)
        raw, rows = {name: column[taken] for name, column in raw.items()}, rows[taken]
    text = {name: as_text(raw[name]) for name in LABELS if name in raw}
    text |= {name: as_text(named(raw, column)) for name, column in (labels or {}).items()}
    if columns is None:
        columns = {name: name for name, column in raw.items() if column.dtype != object and name not in text}
    values = {name: _numbers(name, evaluate(formula, raw), len(rows)) for name, formula in columns.items()}
    require("loss" in values, "columns", "with one called loss (map it: loss=COLUMN)", sorted(values))
    _check_table(values, text)
    reasons = _bad_rows(values, text)
    if reasons and bad_rows == "refuse":
        listed = "; ".join(f"row {rows[row]}: {why}" for row, why in list(reasons.items())[:LISTED_ROWS])
        raise ConfigError(f"{source}: {len(reasons)} rows cannot be used ({listed}): mend or exclude them")
    good = np.ones(len(rows), dtype=bool)
    good[list(reasons)] = False
    run = text.get("run", np.full(len(rows), "", dtype=object))
    return Observations(
        variables={name: column[good] for name, column in values.items() if name != "loss"},
        loss=values["loss"][good],
        labels={name: column[good] for name, column in text.items()},
        rows=rows[good],
        source=source,
        flags=tuple(
            Flag(row=int(rows[row]), run=str(run[row]), reason=why, used=False) for row, why in reasons.items()
        ),
    )


def _numbers(name: str, column: Any, num_rows: int) -> Float[np.ndarray, " runs"]:
    try:
        return np.broadcast_to(np.asarray(column, dtype=float), (num_rows,)).copy()
    except ValueError:
        raise ConfigError(f"{name}: must be numbers, got text") from None


def _check_table(values: Columns, labels: Columns) -> None:
    """Units and mixtures that make the whole table unusable."""
    for name, (smallest, unit) in SMALLEST.items():
        if name in values and len(values[name]):
            largest = np.nanmax(values[name])
            require(largest >= smallest, name, f"in {unit} (scale it: {name}=COLUMN*1e9)", f"at most {largest:g}")
    if len(values["loss"]):
        middle = np.nanmedian(values["loss"])
        require(middle <= LARGEST_LOSS, "loss", "in nats per token (a perplexity is exp of it)", f"{middle:g}")
    for name in ONE_OF_A_KIND:
        kinds = sorted(set(labels.get(name, ())))
        require(len(kinds) < 2, name, f"one in all rows (take some: where=\"{name} == '…'\")", ", ".join(kinds))


def _unusable(name: str, column: np.ndarray) -> np.ndarray:
    """Which values are no number, negative, or zero where that has no meaning."""
    return ~np.isfinite(column) | (column < 0) | ((column == 0) & (name in ("loss", "E") or name[0] in "NDC"))


def _bad_rows(values: Columns, labels: Columns) -> dict[int, str]:
    """Why a row cannot be used, by row: not a number, not positive, unfinished, or there already."""
    reasons: dict[int, str] = {}
    # the status first: why a run ended early says more than the loss that it therefore has not
    for row, status in enumerate(labels.get("status", ())):
        if status.lower() not in FINISHED:
            reasons.setdefault(row, f"status is {status}")
    for name, column in values.items():
        for bad in np.flatnonzero(_unusable(name, column)):
            reasons.setdefault(int(bad), f"{name} is {column[bad]:g}")
    first: dict[tuple[Any, ...], int] = {}
    told_apart = [labels[name] for name in ("run", "seed") if name in labels] + list(values.values())
    for row, key in enumerate(zip(*told_apart, strict=True)):
        if first.setdefault(key, row) != row:
            reasons.setdefault(row, "repeats an earlier row in every value")
    return reasons
