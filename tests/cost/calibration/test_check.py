"""Predictions are held against measurements, and routed models against the dense ones beside them."""

from dataclasses import replace

import pytest

from optimoe.arch.catalog import find_model
from optimoe.arch.params import count_params
from optimoe.core.errors import InputError
from optimoe.cost.calibration import calibrate
from optimoe.cost.calibration.check import check_latencies
from optimoe.cost.calibration.equivalents import dense_equivalents
from tests.cost.calibration.cases import PLANTED, QUICK, SHIPPED, blank, measured, sweep


def test_what_the_model_itself_measured_has_no_error():
    records = measured(sweep(inputs=(32, 256), batches=(1, 16)), SHIPPED)
    check = check_latencies(records)
    assert check.shipped.tpot.p90_error < 1e-9 and check.shipped.ttft.p90_error < 1e-9
    assert [row.record for row in check.rows] == records and check.calibrated is None


def test_a_calibration_is_taken_where_it_holds_and_said_where_not():
    records = measured(sweep(), PLANTED)
    one = [record for record in records if record.model == "mixtral-8x7b"]
    other = [replace(record, gpu="a100-sxm") for record in one]
    check = check_latencies([*one, *other], calibrate(one, settings=QUICK))
    assert [row.calibrated for row in check.rows] == [True] * len(one) + [False] * len(other)
    assert check.calibrated.tpot.median_error < check.shipped.tpot.median_error / 3
    assert check.unused == ("fitted on h100-sxm, not a100-sxm",)
    assert all(row.calibrated_tpot_s == row.tpot_s for row in check.rows[len(one) :])


def test_engines_are_predicted_each_by_its_own():
    records = measured([blank(engine="vllm"), blank(engine="sglang")], SHIPPED)
    both, alone = check_latencies(records), [check_latencies([record]) for record in records]
    assert [row.tpot_s for row in both.rows] == [check.rows[0].tpot_s for check in alone]


def test_records_that_cannot_be_predicted_are_left_out_and_none_at_all_is_refused():
    queued = blank(concurrency=10_000)
    assert "it queued" in check_latencies([blank(), queued]).left_out[0]
    with pytest.raises(InputError, match="records: must hold one that can be predicted, got none"):
        check_latencies([queued])


SIZES = {name: float(count_params(find_model(name)).total) for name in ("llama-3.1-8b", "llama-3.1-70b")}
ROUTED = count_params(find_model("mixtral-8x7b"))


def dense(seconds):
    """Dense models whose time per token is in proportion to their size: ``seconds`` for a parameter."""
    return [blank(name, 8, tpot_s=seconds * size, ttft_s=2 * seconds * size) for name, size in SIZES.items()]


@pytest.mark.parametrize(("params", "position"), [(float(ROUTED.active), 0.0), (float(ROUTED.total), 1.0)])
def test_a_routed_model_as_fast_as_its_active_or_total_size_lies_there(params, position):
    routed = blank("mixtral-8x7b", 8, tpot_s=1e-12 * params, ttft_s=2e-12 * params)
    records = [*dense(1e-12), routed]
    tpot, ttft = dense_equivalents(records, records)
    assert (ttft.latency, tpot.latency) == ("ttft", "tpot")
    for one in (ttft, tpot):
        assert one.params == pytest.approx(params) and one.position == pytest.approx(position, abs=1e-9)
        assert one.predicted_position == one.position and not one.beyond


def test_the_place_by_prediction_is_that_of_what_was_predicted_of_the_routed_and_of_the_dense_ones():
    records = [*dense(1e-12), blank("mixtral-8x7b", 8, tpot_s=1e-12 * ROUTED.total, ttft_s=2e-12 * ROUTED.total)]
    thought = [*dense(3e-12), blank("mixtral-8x7b", 8, tpot_s=3e-12 * ROUTED.active, ttft_s=6e-12 * ROUTED.active)]
    for one in dense_equivalents(records, thought):
        assert (one.position, one.predicted_position) == pytest.approx((1.0, 0.0), abs=1e-9)


def test_a_routed_model_beyond_the_dense_ones_has_the_size_of_the_nearest():
    fast = blank("mixtral-8x7b", 8, tpot_s=1e-6, ttft_s=1.0)
    records = [*dense(1e-12), fast]
    equal = {one.latency: one for one in dense_equivalents(records, records)}
    assert equal["tpot"].beyond and equal["tpot"].params == pytest.approx(min(SIZES.values()))
    assert equal["ttft"].beyond and equal["ttft"].params == pytest.approx(max(SIZES.values()))


def test_models_under_other_loads_or_one_dense_model_alone_are_no_measure():
    routed = blank("mixtral-8x7b", 8, concurrency=16)
    for records in ([*dense(1e-12), routed], [dense(1e-12)[0], replace(routed, concurrency=8)]):
        assert dense_equivalents(records, records) == ()


def test_a_calibration_in_one_precision_says_nothing_of_experts_in_another():
    records = measured([record for record in sweep() if record.model == "mixtral-8x7b"], PLANTED)
    other = replace(records[0], expert_precision="fp8")
    check = check_latencies([records[0], other], calibrate(records, settings=QUICK))
    assert [row.calibrated for row in check.rows] == [True, False]
    assert check.unused == ("fitted in bf16, not fp8",)
