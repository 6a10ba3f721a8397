"""A calibration in words prints its factors and errors."""

from dataclasses import replace

import pytest

from optimoe.core.units import format_seconds
from optimoe.cost.calibration import Calibration
from optimoe.cost.calibration.errors import Accuracy, LatencyErrors
from optimoe.cost.calibration.factors import FACTORS, FactorInterval, Factors
from optimoe.report.words.calibration_prose import SCALES, TIMES, VERDICTS, calibration_lines


def errors(median):
    one = Accuracy(median_error=median, p90_error=0.3, bias=-0.02, within_20=0.8, low=0.7, high=1.4)
    return LatencyErrors(tpot=one, ttft=one)


CALIBRATION = Calibration(
    name="vllm-0.12.0", engine="vllm", engine_version="0.12.0",
    measured_from="2026-01-02", measured_to="2026-01-05",
    gpus=("h100-sxm",), models=("mixtral-8x7b", "/models/ours/config.json", "/models/theirs.json"), records=12,
    factors=Factors(decode_scale=0.9, prefill_scale=1.2, front_s=0.05, step_s=0.001, request_s=2e-5),
    intervals={name: FactorInterval(low=0.8, high=1.25, level=0.9) for name in FACTORS},
    held_out="each deployment left out in turn", before=errors(0.25), fitted=errors(0.1), after=errors(0.125),
    left_out=("3 records without a TTFT",),
)  # fmt: skip


def test_every_factor_is_said_with_its_interval():
    lines = dict(calibration_lines(CALIBRATION))
    assert lines[SCALES["decode_scale"]] == "× 0.90  (0.80 – 1.25, 90%)"
    assert lines[TIMES["front_s"]].startswith(f"{format_seconds(0.05)}  ({format_seconds(0.8)} – ")
    assert set(SCALES) | set(TIMES) == set(FACTORS)
    assert lines["Left out"] == "3 records without a TTFT"
    assert lines["Engine"] == "vllm 0.12.0, measured 2026-01-02 to 2026-01-05"


def test_errors_stand_before_fitted_and_held_out():
    lines = dict(calibration_lines(CALIBRATION))
    for latency in ("TPOT", "TTFT"):
        assert lines[latency].startswith("before 25.0% (bias -2%, 80% within 20 %) · fitted 10.0% ")
        assert "held out 12.5% " in lines[latency]


@pytest.mark.parametrize(("after", "verdict"), [(0.125, "better"), (0.5, "no_better")])
def test_a_calibration_that_is_no_better_is_not_recommended(after, verdict):
    lines = dict(calibration_lines(replace(CALIBRATION, after=errors(after))))
    assert lines["Calibration"] == f"vllm-0.12.0: {VERDICTS[verdict]}"
    assert ("do not use it" in lines["Calibration"]) == (verdict == "no_better")


def test_a_model_given_as_a_file_goes_by_its_folder_or_its_name():
    assert dict(calibration_lines(CALIBRATION))["Records"] == "12 of mixtral-8x7b, ours, theirs on h100-sxm"


def test_it_is_said_where_a_calibration_holds():
    lines = dict(calibration_lines(CALIBRATION))
    assert lines["Holds for"] == "vllm on h100-sxm, these models alone; elsewhere the shipped factors stand"
    of_models = replace(CALIBRATION, held_out="each model left out in turn")
    assert "any model" in dict(calibration_lines(of_models))["Holds for"]
