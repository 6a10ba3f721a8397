"""How far the operator model is from measured kernels, on rows that its curves were not fitted to.

    OPTIMOE_DATA=… python benchmarks/kernel_accuracy.py

By family and GPU, ln(predicted/measured): shapes left out (five parts by weights' shape, heads, model or
number of GPUs), the other GPU left out, and beside them the flat model that the curves replaced (0.70 of the
peak, 0.75 of the bandwidth, 4 µs a kernel; NCCL's published protocols). Fits are those of fit_kernels.
"""

import numpy as np

from fit_kernels import fit_curve, left_out_shapes, log_error, moved
from kernel_data import GPUS, accelerator, families


def numbers(errors: np.ndarray) -> str:
    """Median and 90 % of the size, and the bias."""
    size = abs(errors)
    return f"{np.median(size):>8.3f}{np.quantile(size, 0.9):>7.2f}{np.median(errors):>+7.2f}"


def main() -> None:
    """Print the table."""
    print(f"{'':<40}{'shapes left out':^22}{'GPU left out':^22}{'flat model':^22}")
    print(f"{'family':<28}{'gpu':<6}{'rows':>6}" + f"{'median':>8}{'p90':>7}{'bias':>7}" * 3)
    pooled: dict[str, list[np.ndarray]] = {}
    for family in families():
        for architecture, rows in family.rows.items():
            others = [(name, part) for name, part in family.rows.items() if name != architecture]
            shapes = left_out_shapes(family, architecture)
            swapped = None
            if others:
                fitted_hz = accelerator(others[0][0]).clock_hz
                swapped = log_error(
                    family, moved(fit_curve(family, others), fitted_hz, architecture), architecture, rows
                )
            flat = np.log(family.flat(None, accelerator(architecture), rows) / rows["t"])
            print(
                f"{family.name + ' ' + family.kind:<28}{GPUS[architecture][:4]:<6}{len(shapes):>6}"
                f"{numbers(shapes)}{numbers(swapped) if swapped is not None else '':<22}{numbers(flat)}"
            )
            pooled.setdefault(family.name, []).append(shapes)
    for name, parts in pooled.items():
        errors = np.concatenate(parts)
        print(f"{name + ', all':<28}{'':<6}{len(errors):>6}{numbers(errors)}")


if __name__ == "__main__":
    main()
