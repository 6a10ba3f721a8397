"""Fit the curves of the operator model to measured kernels and write them with their errors.

    OPTIMOE_DATA=… python benchmarks/fit_kernels.py [family …]

Least squares of ln(predicted/measured) with a soft L1 loss (outliers count linearly beyond 15 %). A curve is
fitted to each architecture, all its GPUs and engines together; to an engine's kernels on it where that takes off
more than two points of the median error; and one to everything, for GPUs of an architecture that was not measured.
Errors are those of rows that the fit did not see: of shapes left out (five parts), of a GPU left out (another of
the architecture), of an architecture left out.
"""

import datetime
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import least_squares

from attention_data import decode_families, prefill_families
from expert_data import expert_families
from kernel_data import Family, coefficients, gemm_families
from kernel_tables import ROWS, Source, where
from link_data import link_families
from optimoe.cost.kernels.curve import REFERENCE_HZ, at_clock
from small_data import small_families

FITTED_ROWS, LEAST_ROWS = 3000, 400
"""Rows of one fit, over all its tables; of one table at least."""
TESTED_ROWS = 4000
OUTLIER = 0.15
FOLDS = 5
OWN_GAIN = {"collective": 0.0, "experts": 0.005}
"""An engine has a curve of its own where that takes off more than this of the median error, else two points:
all-reduces are launches above all, which engines do not share, and fused experts are different kernels."""
TABLES = Path(__file__).parent.parent / "src/optimoe/cost/data/operators"
SOURCE = (
    "single calls: ai-dynamo/aiconfigurator@095f58a, H100 and A100 SXM tables of vLLM 0.19 and 0.14, NCCL 2.27; "
    "newest operator tables of each engine in aiconfigurator-core"
)
MAKERS: dict[str, Callable[[], list[Family]]] = {
    "gemm": gemm_families,
    "experts": expert_families,
    "prefill_attention": prefill_families,
    "decode_attention": decode_families,
    "elementwise": small_families,
    "collective": link_families,
}
"""The families of each table."""
HEAD = """\
# What kernels reach of the data sheet: a few coefficients per family, kind, architecture and, where it matters,
# engine, written by benchmarks/fit_kernels.py. "other" is fitted to all measured GPUs and serves those of an
# architecture that was not measured.
#
# Coefficients: optimoe.cost.kernels.curve.KernelCurve and optimoe.cost.kernels.families.collectives.LinkCurve.
# gpus, rows                what was measured
# median_error, bias        of ln(predicted/measured) on shapes left out of the fit
# other_gpu_error           median of |ln(predicted/measured)| on a GPU left out of the fit: another of the
# architecture;
#                           of "other": of an architecture that was left out
# few_tokens_...            the same of calls of at most 64 tokens, as decoding has, that read weights from memory
"""


def fit_curve(family: Family, sources: Sequence[Source], sharpness: int = 0, keep: Any = None) -> Any:
    """The curve with the least loss over the rows of some tables, and over the sharpnesses unless one is given."""
    free = family.free_of(sources)
    start, low, high = (np.log(values) for values in zip(*free.values(), strict=True))
    parts = [(source, _sample(family.rows[source], len(sources), keep)) for source in sources]
    base_hz = base_clock(sources)

    def curve(x: np.ndarray, p: int) -> Any:
        values = dict(zip(free, np.exp(x).tolist(), strict=True))
        return family.curve(**values, **({"sharpness": p} if len(family.sharpnesses) > 1 else {}))

    def residuals(x: np.ndarray, p: int) -> np.ndarray:
        trial = curve(x, p)
        return np.concatenate([log_error(family, trial, base_hz, source, rows) for source, rows in parts])

    fits = [
        (least_squares(residuals, start, bounds=(low, high), loss="soft_l1", f_scale=OUTLIER, args=(p,)), p)
        for p in ((sharpness,) if sharpness else family.sharpnesses)
    ]
    best, p = min(fits, key=lambda fit: fit[0].cost)
    return curve(np.minimum(best.x, high), p)


def base_clock(sources: Sequence[Source]) -> float:
    """The clock of a curve: that of its GPUs, or an H100's where they differ."""
    clocks = {source.accelerator.clock_hz for source in sources}
    return clocks.pop() if len(clocks) == 1 else REFERENCE_HZ


def log_error(family: Family, curve: Any, base_hz: float, source: Source, rows: ROWS) -> np.ndarray:
    """ln(predicted/measured) on the GPU of a table, by a curve of some clock."""
    gpu = source.accelerator
    return np.log(family.predict(at_clock(curve, base_hz, gpu.clock_hz), gpu, rows) / rows["t"])


def tested_rows(family: Family, source: Source, of: str = "") -> ROWS:
    """A sample of a table's rows, or of those that a column of theirs marks; never those that no model meets."""
    rows = family.rows[source]
    of = of or ("fitted" if "fitted" in rows else "")
    return some(where(rows, rows[of]) if of else rows, TESTED_ROWS, seed=1)


def errors_of(family: Family, curve: Any, base_hz: float, sources: Sequence[Source], of: str = "") -> np.ndarray:
    """ln(predicted/measured) on a sample of every table's rows."""
    return np.concatenate(
        [log_error(family, curve, base_hz, one, tested_rows(family, one, of)) for one in sources]
    )


def left_out_shapes(family: Family, sources: Sequence[Source], sharpness: int, of: str = "") -> np.ndarray:
    """Errors of each row, by a curve that was fitted without the row's shape."""
    shapes = sorted({shape for source in sources for shape in np.unique(family.rows[source]["shape"])})
    folds = np.random.default_rng(0).permutation(len(shapes)) % FOLDS
    errors, base_hz = [], base_clock(sources)
    for fold in range(min(FOLDS, len(shapes))):
        left_out = [shape for shape, one in zip(shapes, folds, strict=True) if one == fold]
        curve = fit_curve(family, sources, sharpness, keep=lambda rows, out=left_out: ~np.isin(rows["shape"], out))
        for source in sources:
            rows = tested_rows(family, source, of)
            rows = where(rows, np.isin(rows["shape"], left_out))
            if len(rows["t"]):
                errors.append(log_error(family, curve, base_hz, source, rows))
    return np.concatenate(errors)


def other_gpu_error(
    family: Family, sources: Sequence[Source], sharpness: int, by: str, of: str = ""
) -> float | None:
    """Median error on a GPU (or architecture) by a curve fitted to the others; none where there is only one."""
    groups = sorted({getattr(source, by) for source in sources})
    if len(groups) < 2:
        return None
    medians = []
    for left_out in groups:
        kept = [source for source in sources if getattr(source, by) != left_out]
        curve = fit_curve(family, kept, sharpness)
        tested = [source for source in sources if getattr(source, by) == left_out]
        medians.append(float(np.median(abs(errors_of(family, curve, base_clock(kept), tested, of)))))
    return float(np.median(medians))


def fitted_rows(family: Family) -> dict[str, dict[str, Any]]:
    """The rows of a kind: title and facts, by architecture, engine and for all."""
    found: dict[str, dict[str, Any]] = {}
    for architecture in family.architectures:
        everything = family.of(architecture)
        pooled = fit_curve(family, everything)
        found[architecture] = facts(family, pooled, everything)
        for engine in sorted({source.engine for source in everything}):
            sources = family.of(architecture, engine)
            if not engine or len(sources) == len(everything):
                continue
            own = fit_curve(family, sources)
            row = facts(family, own, sources)
            shared, alone = (
                float(np.median(abs(errors_of(family, curve, base_clock(fitted), sources))))
                for curve, fitted in ((pooled, everything), (own, sources))
            )
            if shared > alone + OWN_GAIN.get(family.name, 0.02):
                found[f"{architecture}.{engine}"] = row
            print(f"{architecture} {engine}: own {alone:.3f}, shared {shared:.3f}")
    for title, sources in family.pools().items():
        curve = fit_curve(family, sources)
        row = coefficients(curve) | {"clock_hz": base_clock(sources), "rows": count(family, sources)}
        error = other_gpu_error(family, sources, getattr(curve, "sharpness", 1), "architecture")
        found[title] = row | ({"other_gpu_error": error} if error else {})
        if family.few:
            few = other_gpu_error(family, sources, getattr(curve, "sharpness", 1), "architecture", family.few)
            found[title] |= {"few_tokens_other_gpu_error": few} if few else {}
    return found


def facts(family: Family, curve: Any, sources: Sequence[Source]) -> dict[str, Any]:
    """A curve's coefficients and errors."""
    sharpness = getattr(curve, "sharpness", 1)
    errors = left_out_shapes(family, sources, sharpness)
    row = coefficients(curve) | {
        "gpus": sorted({source.gpu for source in sources}),
        "clock_hz": base_clock(sources),
        "rows": count(family, sources),
        "median_error": float(np.median(abs(errors))),
        "p90_error": float(np.quantile(abs(errors), 0.9)),
        "bias": float(np.median(errors)),
    }
    other = other_gpu_error(family, sources, sharpness, "gpu")
    row |= {"other_gpu_error": other} if other else {}
    if family.few:
        row["few_tokens_error"] = float(np.median(abs(left_out_shapes(family, sources, sharpness, family.few))))
        other = other_gpu_error(family, sources, sharpness, "gpu", family.few)
        row |= {"few_tokens_other_gpu_error": other} if other else {}
    print(f"{family.name} {family.kind}", row, flush=True)
    return row


def count(family: Family, sources: Sequence[Source]) -> int:
    """Rows of some tables."""
    return sum(len(family.rows[source]["t"]) for source in sources)


def _sample(rows: ROWS, tables: int, keep: Any) -> ROWS:
    if "fitted" in rows:
        rows = where(rows, rows["fitted"])
    if keep is not None:
        rows = where(rows, keep(rows))
    return some(rows, max(FITTED_ROWS // tables, LEAST_ROWS))


def some(rows: ROWS, size: int, seed: int = 0) -> ROWS:
    """A sample of the rows, the same each time."""
    total = len(rows["t"])
    return rows if total <= size else where(rows, np.random.default_rng(seed).choice(total, size, replace=False))


def written(title: str, values: dict[str, Any]) -> str:
    """One table of TOML."""
    lines = [f"[{title}]"]
    for name, value in values.items():
        text = f"{value:.3g}" if isinstance(value, float) else json.dumps(value)
        lines.append(f"{name} = {text}")
    return "\n".join(lines) + "\n"


def main(words: Sequence[str]) -> None:
    """Fit every family, or those that are named, and write their tables."""
    date = datetime.datetime.now(datetime.UTC).date().isoformat()
    for name in words or MAKERS:
        sections = [HEAD, f'basis = "fitted"\nsource = "{SOURCE}"\nfitted = "{date}"\n']
        for family in MAKERS[name]():
            sections += [written(f"{family.kind}.{title}", row) for title, row in fitted_rows(family).items()]
        (TABLES / f"{name}.toml").write_text("\n".join(sections), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
