"""How far the operator model is from measured kernels, on rows that its curves were not fitted to.

    OPTIMOE_DATA=… python benchmarks/kernel_accuracy.py [family …]

By family, kind and architecture, ln(predicted/measured): shapes left out (five parts by weights' shape, heads,
model or number of GPUs), another GPU of the architecture left out, the architecture left out, and beside them the
flat model that the curves replaced (0.70 of the peak, 0.75 of the bandwidth, 4 µs a kernel; NCCL's published
protocols).
"""

import sys
from collections.abc import Sequence

import numpy as np

from fit_kernels import (
    MAKERS,
    base_clock,
    errors_of,
    fit_curve,
    left_out_shapes,
    other_gpu_error,
    tested_rows,
)
from kernel_data import Family
from kernel_tables import Source


def numbers(errors: np.ndarray) -> str:
    """Median and 90 % of the size, and the bias."""
    size = abs(errors)
    return f"{np.median(size):>8.3f}{np.quantile(size, 0.9):>7.2f}{np.median(errors):>+7.2f}"


def flat_errors(family: Family, sources: list[Source]) -> np.ndarray:
    """Errors of the flat model."""
    found = []
    for source in sources:
        rows = tested_rows(family, source)
        found.append(np.log(family.flat(None, source.accelerator, rows) / rows["t"]))
    return np.concatenate(found)


def main(words: Sequence[str]) -> None:
    """Print the table."""
    print(f"{'':<57}{'shapes left out':^22}{'GPU':>8}{'architecture left out':^22}{'flat model':^22}")
    print(
        f"{'family':<32}{'architecture':<16}{'rows':>9}{'median':>8}{'p90':>7}{'bias':>7}{'median':>8}"
        + f"{'median':>8}{'p90':>7}{'bias':>7}" * 2
    )
    for name in words or MAKERS:
        for family in MAKERS[name]():
            for architecture in family.architectures:
                sources = family.of(architecture)
                others = [source for source in family.rows if source.architecture != architecture]
                curve = fit_curve(family, sources)
                shapes = left_out_shapes(family, sources, getattr(curve, "sharpness", 1))
                gpu = other_gpu_error(family, sources, getattr(curve, "sharpness", 1), "gpu")
                far = errors_of(family, fit_curve(family, others), base_clock(others), sources) if others else None
                rows = sum(len(family.rows[source]["t"]) for source in sources)
                print(
                    f"{family.name + ' ' + family.kind:<32}{architecture:<16}{rows:>9,}{numbers(shapes)}"
                    f"{f'{gpu:.3f}' if gpu else '':>8}{numbers(far) if far is not None else '':<22}"
                    f"{numbers(flat_errors(family, sources))}",
                    flush=True,
                )


if __name__ == "__main__":
    main(sys.argv[1:])
