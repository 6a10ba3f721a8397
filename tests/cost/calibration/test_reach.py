import json
from dataclasses import replace

import pytest

from optimoe.arch.catalog import find_model
from optimoe.arch.hf.write import to_config
from optimoe.cost.calibration import calibrate, calibrated
from optimoe.cost.calibration.reach import alike, measured_rows, outside, rows_of
from optimoe.cost.engines.engine import find_engine
from optimoe.cost.hardware.accelerator import find_accelerator
from optimoe.cost.layers.layout import Layout
from optimoe.cost.serving.accuracy.evidence import evidence
from optimoe.cost.serving.accuracy.models import measured_model
from optimoe.cost.serving.estimate import predict_serving
from tests.cost.calibration.cases import PLANTED, QUICK, measured, sweep
from tests.cost.cases import deployment
from tests.cost.serving.accuracy.cases import side

H100, VLLM = find_accelerator("h100-sxm"), find_engine("vllm", precision="bf16")
MIXTRAL, LLAMA = find_model("mixtral-8x7b"), find_model("llama-3.1-8b")


@pytest.fixture(scope="module")
def of_one_model():
    records = measured(sweep(models={"mixtral-8x7b": 4}, batches=(1, 16, 64)), PLANTED, noise=0.02)
    return calibrate(records, settings=QUICK)


@pytest.fixture(scope="module")
def of_three_models():
    return calibrate(measured(sweep(batches=(1, 64), inputs=(32, 4096)), PLANTED), settings=QUICK)


def test_a_calibration_serves_its_own_model_gpu_precision_and_engine(of_one_model):
    engine = calibrated(of_one_model, VLLM, H100, MIXTRAL)
    assert engine.decode_scale == of_one_model.factors.decode_scale
    assert not engine.calibrated.unused


@pytest.mark.parametrize(
    ("engine", "gpu", "arch", "why"),
    [
        (find_engine("sglang", precision="bf16"), H100, MIXTRAL, "of vllm, not sglang: --engine vllm"),
        (VLLM, find_accelerator("h200-sxm"), MIXTRAL, "fitted on h100-sxm, not h200-sxm"),
        (find_engine("vllm", precision="fp8"), H100, MIXTRAL, "fitted in bf16, not fp8"),
        (VLLM, H100, LLAMA, "fitted on mixtral-8x7b, not such a model"),
        (VLLM, H100, None, "fitted on too few models"),
    ],
)
def test_elsewhere_the_shipped_factors_stand_and_one_line_says_why(of_one_model, engine, gpu, arch, why):
    other = calibrated(of_one_model, engine, gpu, arch)
    assert replace(other, calibrated=None) == engine
    assert other.calibrated.unused.startswith(why)


def test_one_that_held_out_whole_models_serves_others_too(of_three_models):
    assert of_three_models.held_out.startswith("each model")
    assert outside(of_three_models, VLLM, H100, find_model("llama-3.1-70b")) == ""
    assert outside(of_three_models, VLLM, H100, find_model("qwen3-235b-a22b")) == ""
    assert outside(of_three_models, VLLM, H100, None) == ""


def test_models_are_alike_by_their_parts_and_active_size():
    def model(name):
        return measured_model(name, find_model(name))

    assert alike(model("llama-3.1-70b"), model("llama-3-70b"))
    assert not alike(model("llama-3.1-70b"), model("llama-3.1-8b"))
    assert not alike(model("mixtral-8x7b"), model("deepseek-v3"))


def test_a_file_that_does_not_say_what_it_was_fitted_on_holds_for_its_gpus_and_models(of_one_model):
    old = replace(of_one_model, measured=())
    assert outside(old, VLLM, H100, MIXTRAL) == ""
    assert outside(old, VLLM, H100, LLAMA)
    assert rows_of(replace(old, models=("no/such/config.json",)))[0].models == ()


def test_records_are_grouped_by_gpu_and_precision_with_their_ranges():
    (row,) = measured_rows(sweep())
    assert (row.gpu, row.precision, row.rows) == ("h100-sxm", "bf16", 27)
    assert row.requests == (1, 256)
    assert row.layouts == ((2, 1, 1, 1), (4, 1, 1, 1), (8, 1, 1, 1))
    assert row.context == (32 + 128, 4096 + 128)


def served(calibration, layout, concurrency=16.0, gpus=4):
    usual = deployment(gpus)
    own = replace(usual, engine=calibrated(calibration, usual.engine, H100, MIXTRAL))
    estimate = predict_serving(MIXTRAL, own, layout=layout, concurrency=concurrency)
    return evidence(MIXTRAL, own, estimate)


def test_the_band_is_the_calibrations_own_and_wider_outside_its_records(of_one_model):
    inside = served(of_one_model, Layout(tp=4))
    low, high = inside.tpot.around(1.0)
    assert low == pytest.approx(min(1 / of_one_model.after.tpot.high, 1))
    assert high == pytest.approx(max(1 / of_one_model.after.tpot.low, 1))
    assert inside.calibration == of_one_model.name
    layout = served(of_one_model, Layout(tp=2, dp=2))
    assert side(layout, "layout").words == "no deployment with tp 2 pp 1 dp 1 ep 1"
    assert layout.tpot.up > inside.tpot.up
    load = served(of_one_model, Layout(tp=4), concurrency=256.0)
    assert load.tpot.up > inside.tpot.up
    assert "1 to 64" in side(load, "requests").words


def test_a_calibration_that_does_not_hold_leaves_the_shipped_band_and_says_so(of_one_model):
    usual = deployment(8)
    own = replace(usual, engine=calibrated(of_one_model, usual.engine, H100, LLAMA))
    estimate = predict_serving(LLAMA, own, layout=Layout(tp=8), concurrency=16.0)
    found, without = evidence(LLAMA, own, estimate), evidence(LLAMA, usual, estimate)
    assert (found.tpot, found.ttft) == (without.tpot, without.ttft)
    assert "not used: fitted on mixtral-8x7b" in side(found, "calibration").words
    assert not found.calibration


def test_a_model_that_records_name_by_its_file_is_known_by_its_own_name(tmp_path):
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(to_config(LLAMA)))
    records = [replace(record, model=str(path)) for record in measured(sweep(models={"llama-3.1-8b": 1}), PLANTED)]
    assert {model.name for row in measured_rows(records) for model in row.models} == {"mine"}
