"""Fit the engine's own time, seconds per step and per running request, and report it with models left out.

    OPTIMOE_DATA=… python benchmarks/fit_engine.py

Rows: those of serving_rows. Model: TPOT = decode + step + request·b + (b − 1)/output·(prefill + step), with
the kernels of the operator model as they stand. Least squares of ln(predicted/measured), soft L1 loss beyond
15 %. Copy the coefficients into efficiency.toml, [engine].
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import least_squares

from optimoe.cost.accelerator import find_accelerator
from optimoe.cost.engine import Engine
from optimoe.cost.layout import Layout
from optimoe.cost.operators.machine import Machine
from optimoe.cost.roofline import decode_step, prefill_step
from optimoe.cost.workload import Workload
from serving_rows import ServingRow, serving_rows

START, OUTLIER = (1e-3, 1e-5), 0.15


@dataclass(frozen=True)
class Table:
    """What the fit sees of each row: seconds of the kernels, batch, answer, measured TPOT, model."""

    decode_s: np.ndarray
    prefill_s: np.ndarray
    batch: np.ndarray
    output: np.ndarray
    tpot_s: np.ndarray
    model: np.ndarray

    def take(self, which: np.ndarray) -> "Table":
        """Some of the rows."""
        return Table(*(column[which] for column in vars(self).values()))


def kernels(row: ServingRow) -> tuple[float, float]:
    """Seconds of a decode step and of a prompt without the engine's own."""
    machine = Machine(gpu=find_accelerator(row.system), tp=row.tp, precision=row.precision)
    context = Workload(input_tokens=row.input_tokens, output_tokens=row.output_tokens).mean_context
    decode = decode_step(machine, row.arch, row.batch, context).total_s - engine_s(row.batch)
    return decode, prefill_step(machine, row.arch, row.input_tokens).total_s - engine_s(1)


def log_error(coefficients: np.ndarray, table: Table) -> np.ndarray:
    """ln(predicted/measured) of TPOT."""
    step, request = coefficients
    stalls = (table.batch - 1) / table.output
    predicted = table.decode_s + step + request * table.batch + stalls * (table.prefill_s + step + request)
    return np.log(predicted / table.tpot_s)


def fit(table: Table) -> np.ndarray:
    """Seconds per step and per request."""
    found = least_squares(lambda x: log_error(np.exp(x), table), np.log(START), loss="soft_l1", f_scale=OUTLIER)
    return np.exp(found.x)


def main() -> None:
    """Print the coefficients and the errors of models left out."""
    rows = serving_rows()
    decode_s, prefill_s = np.array([kernels(row) for row in rows], dtype=float).T
    columns = ([getattr(row, name) for row in rows] for name in ("batch", "output_tokens", "tpot_s", "model"))
    table = Table(decode_s, prefill_s, *map(np.array, columns))
    step, request = fit(table)
    print(f"step_s = {step:.3g}\nrequest_s = {request:.3g}\n")
    print(f"{'left out':<20}{'rows':>6}{'step_s':>10}{'request_s':>11}{'median |ln|':>13}{'bias':>8}{'<20 %':>8}")
    errors = np.zeros(len(rows))
    for model in sorted(set(table.model.tolist())):
        out = table.model == model
        found = fit(table.take(~out))
        errors[out] = error = log_error(found, table.take(out))
        _line(model, error, found)
    _line("all, each left out", errors, (step, request))
    print("quantiles of predicted/measured, 5 and 95 %:", np.exp(np.quantile(errors, [0.05, 0.95])).round(2))


def _line(name: str, error: np.ndarray, found: tuple[float, float] | np.ndarray) -> None:
    near = np.mean(abs(error) < np.log(1.2))
    print(
        f"{name:<20}{len(error):>6}{found[0]:>10.2e}{found[1]:>11.2e}"
        f"{np.median(abs(error)):>13.3f}{np.median(error):>8.2f}{near:>8.2f}"
    )


if __name__ == "__main__":
    main()
