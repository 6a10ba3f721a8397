"""Runs of one tokenizer and data set: variables by law symbol, loss, labels, remarks on rows."""

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Float

from optimoe.arch.flops import TRAIN_FLOPS_PER_PARAM_TOKEN
from optimoe.core.errors import ConfigError, UnknownNameError, require
from optimoe.core.formulas import evaluate


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
        files: Names of the files that it came from, without their folders; none where it was no file.
        flags: Rows left out, with the reason.
        remarks: On the table as a whole: rows that are not independent, runs that seem to be listed twice.
        formulas: Column or formula of each variable in its table, by symbol; empty when not known.
    """

    variables: dict[str, Float[np.ndarray, " runs"]]
    loss: Float[np.ndarray, " runs"]
    labels: dict[str, np.ndarray] = field(default_factory=dict)
    rows: np.ndarray = field(default_factory=lambda: np.empty(0, dtype=int))
    source: str = "observations"
    files: tuple[str, ...] = ()
    flags: tuple[Flag, ...] = ()
    remarks: tuple[str, ...] = ()
    formulas: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not len(self.rows):
            object.__setattr__(self, "rows", np.arange(1, len(self.loss) + 1))
        require(len(self.loss) > 0, "observations", "at least one row", 0)
        for name, column in {"loss": self.loss, **self.variables, **self.labels}.items():
            require(len(column) == len(self.loss), name, f"of {len(self.loss)} rows", len(column))
        for name, column in {"loss": self.loss, **self.variables}.items():
            require(~unusable(name, column), name, "positive and finite in every row", column)

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
            files=self.files,
            flags=self.flags,
            remarks=self.remarks,
            formulas=self.formulas,
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


def unusable(name: str, column: np.ndarray) -> np.ndarray:
    """Which values are no number, negative, or zero where that has no meaning."""
    return (
        ~np.isfinite(column)
        | (column < 0)
        | ((column == 0) & (name in ("loss", "E") or name.startswith(("N", "D", "C"))))
    )
