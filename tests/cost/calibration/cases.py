"""Records that the serving model would measure, with factors that are known."""

from dataclasses import replace

import numpy as np

from optimoe.core.latency import LatencyRecord
from optimoe.cost.calibration import (
    ClosedPrediction,
    Factors,
    FitSettings,
)
from optimoe.cost.calibration.factors import shipped_factors

PLANTED = Factors(decode_scale=1.3, prefill_scale=0.8, front_s=0.1, step_s=3e-3, request_s=3e-5)


SHIPPED = shipped_factors("vllm")


QUICK = FitSettings(resamples=8)


MODELS = {"llama-3.1-8b": 2, "mixtral-8x7b": 4, "llama-3.1-70b": 8}


def blank(model="mixtral-8x7b", tp=4, **changes):
    record = LatencyRecord(
        model=model,
        gpu="h100-sxm",
        num_gpus=tp,
        tp=tp,
        engine="vllm",
        engine_version="0.12.0",
        measured_utc="2026-01-02",
        input_tokens=1024,
        output_tokens=256,
        concurrency=8,
        ttft_s=1.0,
        tpot_s=1.0,
    )
    return replace(record, **changes)


def measured(records, factors, noise=0.0, seed=0):
    random = np.random.default_rng(seed)
    predicted = ClosedPrediction().bind(records)(factors)
    errors = np.exp(noise * random.standard_normal((2, len(records))))
    return [
        replace(record, tpot_s=float(tpot_s * tpot), ttft_s=float(ttft_s * ttft))
        for record, tpot_s, ttft_s, tpot, ttft in zip(
            records, predicted.tpot_s, predicted.ttft_s, *errors, strict=True
        )
    ]


def sweep(models=MODELS, batches=(1, 16, 256), inputs=(32, 256, 4096)):
    return [
        blank(model, tp, concurrency=batch, input_tokens=length)
        for model, tp in models.items()
        for batch in batches
        for length in inputs
    ]
