"""Where a calibration holds: on the engine, GPUs, precisions and models of its records, and nowhere else.

``benchmarks/calibration_transfer.py`` took the factors of one deployment to others of the same engine version: to
another model, precision or GPU they made 13 of 16 worse, the median error 0.05 to 0.26 as shipped and 0.08 to 0.42
as calibrated. What they carry to is other layouts and loads of their own model. Only where each of three models or
more was held out in turn, and came nearer, do they serve a fourth.
"""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from optimoe.arch.catalog import find_model
from optimoe.arch.spec import ArchSpec
from optimoe.core.errors import OptimoeError
from optimoe.core.latency import LatencyRecord
from optimoe.cost.calibration.errors import Accuracy
from optimoe.cost.calibration.files import Calibration
from optimoe.cost.engines.engine import Engine
from optimoe.cost.engines.measured import Calibrated, Measured, MeasuredModel, Range
from optimoe.cost.engines.served import in_formats
from optimoe.cost.hardware.accelerator import Accelerator, find_accelerator
from optimoe.cost.serving.accuracy.case import formats
from optimoe.cost.serving.accuracy.models import measured_model
from optimoe.cost.serving.accuracy.operators import same_gpu

BY_MODEL = "each model"
"""How a calibration says that whole models were held out."""

SAME_SIZE = 1.25
"""Active parameters of one model over those of another that count as the same (assumed: fine-tunes and successors
of one shape, 70B and 72B; models of one kind that are 4 times apart made each other worse)."""


def calibrated(
    calibration: Calibration, engine: Engine, gpu: Accelerator | None = None, arch: ArchSpec | None = None
) -> Engine:
    """The engine with a calibration's factors where they hold, else as it ships; either way it says which.

    Args:
        calibration: That was asked for.
        engine: As it ships.
        gpu: That serves; left out where it is not known yet.
        arch: The model; left out where designs are searched, for which factors of models that were held out hold.
    """
    why = outside(calibration, engine, gpu, arch)
    known = Calibrated(
        name=calibration.name,
        unused=why,
        measured=rows_of(calibration),
        tpot=_ends(calibration.after.tpot),
        ttft=_ends(calibration.after.ttft),
    )
    return replace(engine if why else calibration.factors.on(engine), calibrated=known)


def outside(calibration: Calibration, engine: Engine, gpu: Accelerator | None, arch: ArchSpec | None) -> str:
    """Why a calibration does not hold for a deployment, in words; empty where it does."""
    rows = rows_of(calibration)
    if calibration.engine != engine.name:
        return f"of {calibration.engine}, not {engine.name}: --engine {calibration.engine}"
    if gpu is not None and not any(_is_gpu(gpu, row.gpu) for row in rows):
        return f"fitted on {', '.join(calibration.gpus)}, not {gpu.name}"
    by_model = holds_for_others(calibration)
    if arch is None:
        return "" if by_model else "fitted on too few models to hold for designs (it takes three, each held out)"
    known = {row.precision for row in rows} - {""}
    asked = formats(in_formats(arch, engine.execution)).values()
    new = [name for name in dict.fromkeys(asked) if name not in known]
    if known and new:
        return f"fitted in {', '.join(sorted(known))}, not {', '.join(new)}"
    models = [model for row in rows for model in row.models]
    own = measured_model(arch.name, arch)
    if by_model or any(alike(model, own) for model in models):
        return ""
    return f"fitted on {', '.join(dict.fromkeys(model.name for model in models))}, not such a model"


def holds_for_others(calibration: Calibration) -> bool:
    """Whether models that were held out whole came nearer, so that the factors serve models without records."""
    return calibration.held_out.startswith(BY_MODEL) and calibration.verdict == "better"


def alike(one: MeasuredModel, other: MeasuredModel) -> bool:
    """Whether two models are of the same kinds and size, as far as their speed goes."""
    ratio = abs(math.log(one.params_active / other.params_active))
    return (one.mixers, one.ffns) == (other.mixers, other.ffns) and ratio <= math.log(SAME_SIZE)


def rows_of(calibration: Calibration) -> tuple[Measured, ...]:
    """What a calibration was fitted on; of a file that does not say it, its GPUs and the models that are found."""
    if calibration.measured:
        return calibration.measured
    models = []
    for name in calibration.models:
        try:
            models.append(_model(name))
        except OptimoeError:  # a file that is not at hand any more: nothing is known of the model
            continue
    return tuple(
        Measured(
            gpu=gpu,
            engine=calibration.engine,
            rows=calibration.records,
            versions=(calibration.engine_version,),
            eras=tuple(dict.fromkeys((calibration.measured_from[:4], calibration.measured_to[:4]))),
            first=calibration.measured_from[:7],
            last=calibration.measured_to[:7],
            models=tuple(models),
            requests=EVERY,
            context=EVERY,
        )
        for gpu in calibration.gpus
    )


def _model(name: str) -> MeasuredModel:
    """A model of the records by its own name: where they name a file, its path is nobody else's business."""
    arch = find_model(name)
    return measured_model(arch.name, arch)


EVERY: Range = (1e-9, 1e18)
"""A range that was not recorded limits nothing."""


def measured_rows(records: Sequence[LatencyRecord]) -> tuple[Measured, ...]:
    """What records are of, by GPU and precision."""
    groups: dict[tuple[str, str], list[LatencyRecord]] = defaultdict(list)
    for record in records:
        groups[record.gpu, record.precision].append(record)
    return tuple(_measured(gpu, precision, rows) for (gpu, precision), rows in groups.items())


def _measured(gpu: str, precision: str, records: Sequence[LatencyRecord]) -> Measured:
    months = sorted(record.date[:7] for record in records)
    requests = sorted(max(record.concurrency / record.dp, 1.0) for record in records)
    context = sorted(record.input_tokens + record.output_tokens / 2 for record in records)
    layouts = sorted({(record.tp, record.pp, max(record.ep // record.tp, 1), record.ep) for record in records})
    tp, pp, dp, ep = (max(degrees) for degrees in zip(*layouts, strict=True))
    node = find_accelerator(gpu).linked_gpus
    return Measured(
        gpu=gpu_name(gpu),
        engine=records[0].engine,
        precision=precision,
        rows=len(records),
        versions=tuple(sorted({record.engine_version for record in records})),
        eras=tuple(sorted({month[:4] for month in months})),
        first=months[0],
        last=months[-1],
        models=tuple(_model(name) for name in dict.fromkeys(r.model for r in records)),
        requests=(requests[0], requests[-1]),
        context=(context[0], context[-1]),
        tp=tp,
        pp=pp,
        dp=dp,
        ep=ep,
        nodes=max(math.ceil(max(record.tp, record.ep) / node) for record in records),
        layouts=tuple(layouts),
    )


def gpu_name(gpu: str) -> str:
    """The name of an accelerator of the records: of a file its own, for its path is nobody else's business."""
    return Path(gpu).stem if gpu.endswith(".toml") else gpu


def _is_gpu(gpu: Accelerator, name: str) -> bool:
    return same_gpu(gpu, name) or gpu.name in (name, Path(name).stem)


def _ends(accuracy: Accuracy) -> Range:
    """Quantiles of predicted over measured as ends of a band, neither on the wrong side of the estimate."""
    return max(math.log(accuracy.high), 0.0), max(-math.log(accuracy.low), 0.0)
