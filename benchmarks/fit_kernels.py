"""Fit the curves of the operator model to measured kernels and write them with their errors.

    OPTIMOE_DATA=… python benchmarks/fit_kernels.py [folder]

Least squares of ln(predicted/measured) with a soft L1 loss (outliers count linearly beyond 15 %), on at most
3,000 rows per family and GPU. Errors are those of rows that the fit did not see: of shapes left out (five
parts) and of the other GPU.
"""

import datetime
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import least_squares

from kernel_data import GPUS, ROWS, Family, accelerator, coefficients, families
from optimoe.cost.kernels.curve import REFERENCE_HZ, at_clock

FITTED_ROWS = 3000
OUTLIER = 0.15
FOLDS = 5
SOURCE = "ai-dynamo/aiconfigurator@095f58a, H100 SXM and A100 SXM tables of vLLM 0.19 and 0.14, NCCL 2.27"
HEAD = """\
# What kernels reach of the data sheet: a few coefficients per family, kind and architecture, written by
# benchmarks/fit_kernels.py. "other" is fitted to all measured GPUs and serves those that were not measured.
#
# Coefficients: optimoe.cost.kernels.curve.KernelCurve and optimoe.cost.kernels.collectives.LinkCurve.
# rows                  measured
# median_error, bias    of ln(predicted/measured) on shapes left out of the fit
# other_gpu_error       median of |ln(predicted/measured)| on the GPU left out of the fit
"""


def fit_curve(family: Family, parts: Sequence[tuple[str, ROWS]]) -> Any:
    """The curve with the least loss over the rows of one or more GPUs, and over the sharpnesses."""
    start, low, high = (np.log(values) for values in zip(*family.free.values(), strict=True))
    parts = [(architecture, _sample(rows)) for architecture, rows in parts]
    base_hz = accelerator(parts[0][0]).clock_hz if len(parts) == 1 else REFERENCE_HZ

    def curve(x: np.ndarray, sharpness: int) -> Any:
        values = dict(zip(family.free, np.exp(x).tolist(), strict=True))
        return family.curve(**values, **({"sharpness": sharpness} if len(family.sharpnesses) > 1 else {}))

    def residuals(x: np.ndarray, sharpness: int) -> np.ndarray:
        trial = curve(x, sharpness)
        return np.concatenate(
            [
                log_error(family, moved(trial, base_hz, architecture), architecture, rows)
                for architecture, rows in parts
            ]
        )

    fits = [
        (least_squares(residuals, start, bounds=(low, high), loss="soft_l1", f_scale=OUTLIER, args=(p,)), p)
        for p in family.sharpnesses
    ]
    best, sharpness = min(fits, key=lambda fit: fit[0].cost)
    return curve(np.minimum(best.x, high), sharpness)


def moved(curve: Any, fitted_hz: float, architecture: str) -> Any:
    """A curve of one clock on the GPU of an architecture."""
    return at_clock(curve, fitted_hz, accelerator(architecture).clock_hz)


def log_error(family: Family, curve: Any, architecture: str, rows: ROWS) -> np.ndarray:
    """ln(predicted/measured)."""
    return np.log(family.predict(curve, accelerator(architecture), rows) / rows["t"])


def left_out_shapes(family: Family, architecture: str) -> np.ndarray:
    """Errors of each row, by a curve that was fitted without the row's shape."""
    rows = family.rows[architecture]
    shapes = sorted(set(rows["shape"].tolist()))
    fold_of = dict(zip(shapes, np.random.default_rng(0).permutation(len(shapes)) % FOLDS, strict=True))
    fold = np.array([fold_of[shape] for shape in rows["shape"]])
    errors = np.zeros(len(fold))
    for left_out in sorted(set(fold.tolist())):
        kept, tested = take(rows, fold != left_out), take(rows, fold == left_out)
        errors[fold == left_out] = log_error(
            family, fit_curve(family, [(architecture, kept)]), architecture, tested
        )
    return errors


def take(rows: ROWS, which: np.ndarray) -> ROWS:
    """Some of the rows."""
    return {name: column[which] for name, column in rows.items()}


def _sample(rows: ROWS) -> ROWS:
    if "fitted" in rows:
        rows = take(rows, rows["fitted"])
    size = len(rows["t"])
    if size <= FITTED_ROWS:
        return rows
    return take(rows, np.random.default_rng(0).choice(size, FITTED_ROWS, replace=False))


def _row(title: str, values: dict[str, Any]) -> str:
    lines = [f"[{title}]"]
    for name, value in values.items():
        text = f'"{value}"' if isinstance(value, str) else f"{value:.3g}" if isinstance(value, float) else value
        lines.append(f"{name} = {text}")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Fit every family and write the table."""
    default = Path(__file__).parent.parent / "src/optimoe/cost/data/operators"
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else default
    date = datetime.datetime.now(datetime.UTC).date().isoformat()
    head = [HEAD, f'basis = "fitted"\nsource = "{SOURCE}"\nfitted = "{date}"\n']
    tables: dict[str, list[str]] = {}
    for family in families():
        title, sections = family.kind, tables.setdefault(family.name, [*head])
        curves = {name: fit_curve(family, [(name, rows)]) for name, rows in family.rows.items()}
        other = fit_curve(family, list(family.rows.items()))
        for name, curve in curves.items():
            errors = left_out_shapes(family, name)
            swapped = [
                float(
                    np.median(abs(log_error(family, moved(curve, accelerator(name).clock_hz, left), left, rows)))
                )
                for left, rows in family.rows.items()
                if left != name
            ]
            facts = {
                "gpu": GPUS[name],
                "clock_hz": accelerator(name).clock_hz,
                "rows": len(errors),
                "median_error": float(np.median(abs(errors))),
            }
            facts |= {"p90_error": float(np.quantile(abs(errors), 0.9)), "bias": float(np.median(errors))}
            facts |= {"other_gpu_error": swapped[0]} if swapped else {}
            sections.append(_row(f"{title}.{name}", coefficients(curve) | facts))
            print(family.name, title, name, facts, flush=True)
        total = sum(len(rows["t"]) for rows in family.rows.values())
        sections.append(_row(f"{title}.other", coefficients(other) | {"clock_hz": REFERENCE_HZ, "rows": total}))
    for name, sections in tables.items():
        (path / f"{name}.toml").write_text("\n".join(sections), encoding="utf-8")


if __name__ == "__main__":
    main()
