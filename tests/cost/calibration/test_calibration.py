"""Factors that were planted are found again, and what cannot be calibrated is refused."""

from dataclasses import replace

import numpy as np
import pytest

from optimoe.arch.catalog import find_model
from optimoe.core.errors import InputError, UnknownNameError
from optimoe.core.latency import LatencyRecord
from optimoe.cost.calibration import (
    ClosedPrediction,
    Factors,
    FitSettings,
    calibrate,
    calibration_names,
    find_calibration,
    save_calibration,
)
from optimoe.cost.calibration.factors import FACTORS, shipped_factors
from optimoe.cost.hardware.accelerator import Cluster, find_accelerator
from optimoe.cost.hardware.price import given_price
from optimoe.cost.layers.layout import Layout
from optimoe.cost.serving.estimate import Deployment, predict_serving
from optimoe.cost.serving.workload import Workload

PLANTED = Factors(decode_scale=1.3, prefill_scale=0.8, front_s=0.1, step_s=3e-3, request_s=3e-5)
SHIPPED = shipped_factors("vllm")
QUICK = FitSettings(resamples=20)
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


def sweep(models=MODELS, batches=(1, 4, 16, 64, 256), inputs=(32, 256, 4096)):
    return [
        blank(model, tp, concurrency=batch, input_tokens=length)
        for model, tp in models.items()
        for batch in batches
        for length in inputs
    ]


def test_the_shipped_factors_are_the_model_that_serves():
    record = blank(concurrency=16)
    deployment = Deployment(
        cluster=Cluster(accelerator=find_accelerator(record.gpu), num_gpus=record.tp),
        workload=Workload(
            input_tokens=record.input_tokens, output_tokens=record.output_tokens, rounds=record.rounds
        ),
        price=given_price(1.0),
    )
    layout = Layout(tp=record.tp)
    estimate = predict_serving(find_model(record.model), deployment, layout=layout, concurrency=record.concurrency)
    predicted = ClosedPrediction().bind([record])(SHIPPED)
    assert predicted.tpot_s == pytest.approx([estimate.tpot_s])
    assert predicted.ttft_s == pytest.approx([estimate.ttft_s])


def test_planted_factors_are_recovered():
    found = calibrate(measured(sweep(), PLANTED, noise=0.01), settings=FitSettings(resamples=60))
    for name in FACTORS:
        planted, interval = getattr(PLANTED, name), found.intervals[name]
        assert getattr(found.factors, name) == pytest.approx(planted, rel=0.15), name
        assert interval.low < planted * 1.05 and planted * 0.95 < interval.high, name


def test_the_error_on_records_left_out_falls():
    found = calibrate(measured(sweep(), PLANTED, noise=0.05), settings=QUICK)
    assert found.held_out == "each model left out in turn"
    assert found.verdict == "better"
    assert found.after.tpot.median_error < 0.3 * found.before.tpot.median_error
    assert found.after.ttft.median_error < 0.5 * found.before.ttft.median_error
    low, high = found.tpot_band(1.0)
    assert low < 1 < high


def test_records_that_the_shipped_model_explains_leave_it_as_it_is():
    found = calibrate(measured(sweep(), SHIPPED), settings=QUICK)
    for name in FACTORS:
        assert getattr(found.factors, name) == pytest.approx(getattr(SHIPPED, name), rel=1e-3)


def test_few_records_do_not_run_away():
    """Eight equal records, four times too slow: the prior keeps what they cannot tell where it was."""
    slow = [replace(record, tpot_s=4 * record.tpot_s) for record in measured([blank()] * 8, SHIPPED)]
    found = calibrate(slow, settings=QUICK)
    assert 1 < found.factors.decode_scale < 3
    assert found.factors.prefill_scale == pytest.approx(1, rel=0.9)
    assert found.intervals["prefill_scale"].high / found.intervals["prefill_scale"].low > 1.5


def test_one_wild_record_hardly_moves_the_others():
    records = measured(sweep(), PLANTED)
    records[3] = replace(records[3], tpot_s=20 * records[3].tpot_s)
    assert calibrate(records, settings=QUICK).factors.decode_scale == pytest.approx(1.3, rel=0.05)


@pytest.mark.parametrize(
    ("records", "words"),
    [
        ([], "must be of one version of one engine, got none"),
        ([blank()] * 3, "must be at least 8 usable ones, got 3"),
        ([blank(), blank(engine_version="0.18.0")], "got vllm 0.12.0 (1), vllm 0.18.0 (1): choose one"),
        ([blank("llama-3.1-8b", 4, ep=4)] * 9, "got 0 (9 × ep)"),
        ([blank(concurrency=10_000)] * 9, "got 0 (9 × it queued)"),
    ],
)
def test_what_cannot_be_calibrated_is_refused_in_one_line(records, words):
    with pytest.raises(InputError) as caught:
        calibrate(records, settings=QUICK)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_unknown_model_or_gpu_is_named_with_its_record():
    for change in ({"model": "mixtral-8x70b"}, {"gpu": "h1000"}):
        with pytest.raises(InputError, match=r"record 2: .*unknown name"):
            calibrate([blank(), blank(**change)], settings=QUICK)


@pytest.mark.parametrize("ending", ["toml", "json"])
def test_a_calibration_survives_a_file(tmp_path, ending):
    found = calibrate(measured(sweep(), PLANTED), settings=QUICK)
    found = replace(found, name='our "v2" \\ runs · ü', source='records "v2".jsonl', gpus=('h100 "ours"',))
    save_calibration(found, tmp_path / f"ours.{ending}")
    assert find_calibration(str(tmp_path / f"ours.{ending}")) == found


def test_another_ending_is_refused(tmp_path):
    found = find_calibration(calibration_names()[0])
    with pytest.raises(InputError, match=r"must end in \.toml or \.json"):
        save_calibration(found, tmp_path / "ours.txt")


@pytest.mark.parametrize("name", calibration_names())
def test_every_preset_says_where_it_comes_from_and_helps(name):
    preset = find_calibration(name)
    assert preset.source and preset.measured_to and preset.engine_version
    assert preset.verdict == "better"
    assert all(interval.low <= interval.high for interval in preset.intervals.values())
    assert set(preset.intervals) == set(FACTORS)


def test_an_unknown_preset_names_the_nearest():
    with pytest.raises(UnknownNameError, match="nearest"):
        find_calibration("sglang-0.5.8")
