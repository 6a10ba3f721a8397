"""What the band of an answer is made of: errors where things were left out of the fits. Writes data/bands.toml.

    OPTIMOE_DATA=… python benchmarks/serving_bands.py [--families gemm,…] [--write]

Deployments: serving_rows.answered_rows by the coefficients of fit_engine, fitted without a group and asked for it:
each model (the base), GPU, precision, engine, version, tensor-parallel degree; and the half of the rows with more
requests, or more context, by the other half, per doubling between their medians. Base: ends of
ln(predicted/measured) at a level at which the ends *of the other models* hold nine tenths of a model's rows. The
rest: Student's t of so many groups times the root mean square of their median errors, as if groups were draws and
the next one were new.

Kernels: the families of fit_kernels by curves that were fitted without a GPU of an architecture, or without the
architecture, by what binds: launch, memory or arithmetic, told by which coefficient moves the time most. 90 % of
|ln(predicted/measured)|, less (in squares) that of the architecture's own curve: its error is in the base.
``--families`` computes some (their fits take minutes), or none.
"""

import argparse
import datetime
import sys
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import t as student

from fit_engine import COMMON, OWN, Fit, Timed, by_engine, errors, fit, timed
from fit_kernels import MAKERS, TESTED_ROWS, base_clock, fit_curve, log_error, some
from kernel_data import Family
from kernel_tables import ROWS, Source
from optimoe.core.config import load_toml, save_toml
from optimoe.cost.engines.host import HostTimes
from optimoe.cost.hardware.accelerator import Accelerator
from optimoe.cost.kernels.curve import at_clock
from serving_rows import answered_rows

PATH = Path(__file__).parent.parent / "src/optimoe/cost/data/bands.toml"
HEAD = """\
How far estimates were off where something was left out (optimoe.cost.serving.accuracy): natural logarithms at the
ends of nine tenths. Written by benchmarks/serving_bands.py, which says how; of [assumed] each has its reason.

base       ends [estimate over low end, high end over estimate], each model left out
left_out   a group that the fit never saw
octave     per doubling outside the measured range
operators  kernels on a GPU, or an architecture, that their curves never saw, by what binds"""
SOURCE = "serving_e2e_hopper and the operator tables of fit_kernels (ai-dynamo/aiconfigurator@095f58a)"

KINDS = ("tpot", "ttft", "e2e")
AXES = {
    "gpu": lambda row: row.system,
    "precision": lambda row: row.precision,
    "engine": lambda row: row.engine,
    "version": lambda row: f"{row.engine} {row.version or row.campaign}",
    "layout": lambda row: row.layout.tp,
}
"""What is left out in turn; the model is the base."""

HELD, TAIL, LEVELS = 0.9, 0.05, np.linspace(0.05, 0.005, 46)
"""Share of rows that a band must hold, the level of one end, and the levels that are tried for it."""

REGIMES = {
    "launch": ("launch_s", "latency_s", "hop_s"),
    "memory": ("memory_share", "link_share", "side_share"),
    "compute": ("compute_share",),
}
"""Coefficients by what binds a kernel where they move its time most."""

SHARES = ("memory_share", "link_share", "compute_share")
"""Coefficients that a kernel is faster by; the others it is slower by."""

LEAST_S = 1e-9
"""Stands for a time of nothing where logarithms are taken: of the order of a cycle."""

NUDGE = 0.01
LEAST_ROWS = 20
"""Fewer rows of a group or a regime say nothing of its middle or of its ends."""

ASSUMED = {
    "nodes": {
        "down": 0.0,
        "up": float(np.log(3)),
        "why": "two public reports of tensor parallelism over two nodes at batch 1 are three times slower",
    },
    "roofline": {
        "down": float(np.log(2)),
        "up": float(np.log(2)),
        "why": "mixers without a measured kernel run at the shares of families that have one; flat shares are off "
        "by up to a factor of two in the median of those (docs/cost-model.md, flat model)",
    },
    "cpu": {
        "down": 1.1,
        "up": 1.1,
        "why": "llama.cpp on eight tiny models on one core, by the curves of PyTorch's operators: nine tenths of "
        "the predictions within a factor of 2.3 of TPOT and of 4 of TTFT before any calibration, on a machine "
        "that did other work too; a factor of three",
    },
}


def every_kind(rows: Sequence[Timed], logs: np.ndarray) -> np.ndarray:
    """ln(predicted/measured) of TPOT, TTFT and the whole request, TTFT + (output − 1)·TPOT."""
    tpot_s = np.array([one.row.tpot_s for one in rows])
    ttft_s = np.array([one.row.ttft_s for one in rows])
    steps = np.array([one.row.output_tokens - 1 for one in rows])
    predicted = ttft_s * np.exp(logs[1]) + steps * tpot_s * np.exp(logs[0])
    return np.stack([logs[0], logs[1], np.log(predicted / (ttft_s + steps * tpot_s))])


def unseen(rows: Sequence[Timed], out: np.ndarray, whole: Fit) -> np.ndarray:
    """Errors of some rows by coefficients that were fitted to the others, from those of all rows on."""
    host = next(iter(whole.values()))
    starts = {name: (getattr(host, name),) for name in COMMON}
    fitted = fit(by_engine(one for one, gone in zip(rows, out, strict=True) if not gone), starts)
    asked = [one for one, gone in zip(rows, out, strict=True) if gone]
    strangers = {one.row.engine for one in asked} - set(fitted)
    return every_kind(asked, errors(asked, fitted | dict.fromkeys(strangers, typical(list(fitted.values())))))


def typical(hosts: Sequence[HostTimes]) -> HostTimes:
    """Times of an engine that was not fitted: of each the geometric mean of the others'."""
    means = {name: np.exp(np.mean([np.log(max(getattr(host, name), LEAST_S)) for host in hosts])) for name in OWN}
    return replace(hosts[0], **{name: float(mean) for name, mean in means.items()})


def groups_out(rows: Sequence[Timed], names: np.ndarray, whole: Fit) -> dict[Any, np.ndarray]:
    """Errors of each group by a fit without it."""
    return {name: unseen(rows, names == name, whole) for name in dict.fromkeys(names.tolist())}


def of_groups(medians: Sequence[float]) -> float:
    """How far the next group is off at 90 %: t(n)·√mean(median error²)."""
    return float(student.ppf(1 - TAIL, len(medians)) * np.sqrt(np.mean(np.square(medians))))


def base_ends(held_out: dict[Any, np.ndarray]) -> tuple[dict[str, list[float]], dict[str, float]]:
    """Ends at the first level at which those of the other models hold nine tenths of each kind; that level."""
    ends, levels = {}, {}
    for number, kind in enumerate(KINDS):
        parts = {name: logs[number] for name, logs in held_out.items()}
        level = next((one for one in LEVELS if _nested(parts, one) >= HELD), LEVELS[-1])
        low, high = np.quantile(np.concatenate(list(parts.values())), [level, 1 - level])
        ends[kind], levels[kind] = [float(high), float(-low)], float(level)
        print(f"base {kind}: predicted over measured {np.exp(low):.2f} to {np.exp(high):.2f} at {level:.3f}, "
              f"by the ends of other models {_nested(parts, level):.3f} of the rows inside")  # fmt: skip
    return ends, levels


def _nested(parts: dict[Any, np.ndarray], level: float) -> float:
    inside = []
    for name, own in parts.items():
        others = np.concatenate([part for other, part in parts.items() if other != name])
        low, high = np.quantile(others, [level, 1 - level])
        inside.append((low <= own) & (own <= high))
    return float(np.mean(np.concatenate(inside)))


def per_octave(rows: Sequence[Timed], values: np.ndarray, whole: Fit) -> dict[str, float]:
    """Error of the upper half of a range by the lower half and back, per doubling between their medians."""
    middle = np.median(values)
    upper = values > middle
    octaves = float(np.log2(np.median(values[upper]) / np.median(values[~upper])))
    halves = [unseen(rows, half, whole) for half in (upper, ~upper)]
    return {
        kind: of_groups([float(np.median(logs[number])) for logs in halves]) / octaves
        for number, kind in enumerate(KINDS)
    }


def deployments() -> dict[str, Any]:
    """The part of the table that end-to-end rows give."""
    rows = [timed(row) for row in answered_rows()]
    whole = fit(by_engine(rows))
    by_model = groups_out(rows, _names(rows, lambda row: row.model), whole)
    ends, levels = base_ends(by_model)
    left_out = {}
    for axis, key in AXES.items():
        parts = groups_out(rows, _names(rows, key), whole)
        medians = {name: np.median(logs, axis=1) for name, logs in parts.items() if logs.shape[1] >= LEAST_ROWS}
        left_out[axis] = {
            kind: of_groups([median[number] for median in medians.values()]) for number, kind in enumerate(KINDS)
        }
        print(axis, left_out[axis], {str(name): median.round(2).tolist() for name, median in medians.items()})
    octave = {
        "requests": per_octave(rows, np.array([one.running for one in rows]), whole),
        "context": per_octave(rows, np.array([one.workload.mean_context for one in rows]), whole),
    }
    print("octave", octave)
    return {"rows": len(rows), "base": ends, "base_level": levels, "left_out": left_out, "octave": octave}


def _names(rows: Sequence[Timed], key: Any) -> np.ndarray:
    return np.array([str(key(one.row)) for one in rows])


def regimes(family: Family, curve: Any, gpu: Accelerator, rows: ROWS) -> np.ndarray:
    """Which of launch, memory and compute moves the time of each row most."""
    before = np.log(family.predict(curve, gpu, rows))
    moves = []
    for names in REGIMES.values():
        own = {
            name: getattr(curve, name) / (1 + NUDGE) if name in SHARES else getattr(curve, name) * (1 + NUDGE)
            for name in names
            if hasattr(curve, name)
        }
        moves.append(np.log(family.predict(replace(curve, **own), gpu, rows)) - before)
    return np.array(list(REGIMES))[np.argmax(moves, axis=0)]


def by_regime(family: Family, curve: Any, fitted_to: list[Source], asked: list[Source]) -> dict[str, float]:
    """90 % of the size of the errors on some tables by a curve fitted to some, where each regime binds."""
    base_hz = base_clock(fitted_to)
    size, bound = [], []
    for source in asked:
        rows = some(family.rows[source], TESTED_ROWS, seed=1)
        own = at_clock(curve, base_hz, source.accelerator.clock_hz)
        size.append(abs(log_error(family, curve, base_hz, source, rows)))
        bound.append(regimes(family, own, source.accelerator, rows))
    sizes, regime = np.concatenate(size), np.concatenate(bound)
    return {
        name: float(np.quantile(sizes[regime == name], HELD))
        for name in REGIMES
        if np.sum(regime == name) >= LEAST_ROWS
    }


def operators(names: Sequence[str]) -> dict[str, dict[str, dict[str, float]]]:
    """What leaving out a GPU of an architecture, or all of an architecture, adds to the errors of its kernels."""
    excess: dict[tuple[str, str, str], list[float]] = defaultdict(list)
    for family in (family for name in names for family in MAKERS[name]()):
        for architecture in family.architectures:
            own = family.of(architecture)
            far = [source for source in family.rows if source.architecture != architecture]
            curve = fit_curve(family, own)
            near, sharpness = by_regime(family, curve, own, own), getattr(curve, "sharpness", 1)
            pairs = [("architecture", architecture, far, own)]
            for gpu in sorted({source.gpu for source in own}):
                sisters = [source for source in own if source.gpu != gpu]
                pairs.append(("gpu", gpu, sisters, [source for source in own if source.gpu == gpu]))
            for what, name, fitted_to, asked in pairs:
                if not fitted_to:
                    continue
                stranger = fit_curve(family, fitted_to, sharpness)
                for regime, error in by_regime(family, stranger, fitted_to, asked).items():
                    added = float(np.sqrt(max(error**2 - near.get(regime, error) ** 2, 0.0)))
                    excess[what, family.name, regime].append(added)
                    print(
                        f"{what} {family.name} {family.kind} {name} {regime}: {error:.2f}, +{added:.2f}",
                        flush=True,
                    )
    table: dict[str, dict[str, dict[str, float]]] = {"gpu": {}, "architecture": {}}
    for (what, name, regime), errors_ in excess.items():
        table[what].setdefault(name, {})[regime] = float(np.mean(errors_))
    for families_ in table.values():
        for own_ in families_.values():
            for regime in REGIMES:
                own_.setdefault(regime, max(own_.values()))
    return table


def main(words: Sequence[str]) -> None:
    """Compute the table, and write it where asked."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--write", action="store_true")
    parser.add_argument(
        "--families", default=",".join(MAKERS), help="Kernels to compute; the table keeps the rest."
    )
    options = parser.parse_args(words)
    kept = load_toml(PATH)["operators"] if PATH.exists() else {}
    computed = operators([name for name in options.families.split(",") if name])
    table = {
        "basis": "measured",
        "source": SOURCE,
        "written": datetime.datetime.now(datetime.UTC).date().isoformat(),
        **deployments(),
        "operators": {what: kept.get(what, {}) | own for what, own in computed.items()},
        "assumed": ASSUMED,
    }
    if options.write:
        save_toml(PATH, _rounded(table), comment=HEAD)


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.3g}")
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    return [_rounded(item) for item in value] if isinstance(value, list) else value


if __name__ == "__main__":
    main(sys.argv[1:])
