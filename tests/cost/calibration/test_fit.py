"""Factors that were planted are found again, and what cannot be calibrated is refused."""

from dataclasses import replace

import pytest

from optimoe.core.errors import InputError
from optimoe.cost.calibration import (
    FitSettings,
    calibrate,
)
from optimoe.cost.calibration.factors import FACTORS
from tests.cost.calibration.cases import PLANTED, QUICK, SHIPPED, blank, measured, sweep


def test_planted_factors_are_recovered():
    fitted = calibrate(measured(sweep(), PLANTED, noise=0.01), settings=FitSettings(resamples=30))
    for name in set(FACTORS) - {"request_s"}:  # it runs behind the GPU's step, and leaves no trace in these
        planted, interval = getattr(PLANTED, name), fitted.intervals[name]
        assert getattr(fitted.factors, name) == pytest.approx(planted, rel=0.15), name
        assert interval.low < planted * 1.05 and planted * 0.95 < interval.high, name


def test_the_error_on_records_left_out_falls():
    fitted = calibrate(measured(sweep(), PLANTED, noise=0.05), settings=QUICK)
    assert fitted.held_out == "each model left out in turn"
    assert fitted.verdict == "better"
    assert fitted.after.tpot.median_error < 0.3 * fitted.before.tpot.median_error
    assert fitted.after.ttft.median_error < 0.5 * fitted.before.ttft.median_error
    assert fitted.after.tpot.low < 1 < fitted.after.tpot.high


def test_records_that_the_shipped_model_explains_leave_it_as_it_is():
    fitted = calibrate(measured(sweep(), SHIPPED), settings=QUICK)
    for name in FACTORS:
        assert getattr(fitted.factors, name) == pytest.approx(getattr(SHIPPED, name), rel=1e-3)


def test_few_records_do_not_run_away():
    """Eight equal records, four times too slow: the prior keeps what they cannot tell where it was."""
    slow = [replace(record, tpot_s=4 * record.tpot_s) for record in measured([blank()] * 8, SHIPPED)]
    fitted = calibrate(slow, settings=QUICK)
    assert 1 < fitted.factors.decode_scale < 3
    assert fitted.factors.prefill_scale == pytest.approx(1, rel=0.1)
    assert fitted.intervals["prefill_scale"].high / fitted.intervals["prefill_scale"].low > 1.5


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
