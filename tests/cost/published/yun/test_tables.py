from dataclasses import replace

import pytest

from optimoe.arch.catalog import find_model
from optimoe.core.errors import ConfigError, UnknownNameError
from optimoe.cost.published.yun import latency_tables, stored
from tests.cost.calibration.cases import SHIPPED, blank, measured


def sweep(*models, gpus=(4, 8), loads=(1, 16, 64)):
    return [blank(model, tp, concurrency=load) for model in models for tp in gpus for load in loads]


def test_a_step_at_a_measured_batch_is_the_record_s_time_per_token():
    """L(b) = (TTFT + (n − 1)·TPOT)/n, whichever way the two latencies are split."""
    records = measured(sweep("mixtral-8x7b"), SHIPPED)
    tables = latency_tables(records, num_experts=8)
    by_gpus = {table.gpus: table for table in tables.tables}
    assert list(by_gpus) == [4, 8]
    (held,) = tables.stored
    for record in records:
        step_s = by_gpus[record.num_gpus].step_s(held.params, record.concurrency, record.output_tokens)
        assert step_s == pytest.approx((record.ttft_s + 255 * record.tpot_s) / 256)
    assert tables.records == len(records)
    assert tables.left_out == ()


def test_between_batches_and_sizes_a_step_is_linear_and_beyond_them_refused():
    records = measured(sweep("mixtral-8x7b", "mixtral-8x22b"), SHIPPED)
    tables = latency_tables(records, num_experts=8)
    assert tables.models == ("mixtral-8x7b", "mixtral-8x22b")
    table, (small, large) = tables.tables[0], tables.stored
    ends = [[table.step_s(one.params, batch, 256) for batch in (16, 64)] for one in (small, large)]
    middle = (small.params + large.params) / 2
    assert table.step_s(middle, 40, 256) == pytest.approx(sum(map(sum, ends)) / 4)
    between = tables.between(middle)
    assert between.resident == pytest.approx((small.resident + large.resident) / 2)
    assert between.mu == pytest.approx((small.mu + large.mu) / 2)
    with pytest.raises(ConfigError, match=r"params: must be between .* as measured with 8 experts, got 1e"):
        tables.between(1e9)
    with pytest.raises(ConfigError, match="batches: must be between 1 and 64, as measured, got 65"):
        table.step_s(middle, 65, 256)


def test_what_a_model_holds_is_counted_as_yun_does():
    """Llama 2 7B has a key-value head for each head: hl is width times layers. Grouped heads hold a quarter."""
    dense = stored(find_model("llama-2-7b"))
    assert dense.mu * dense.params ** (2 / 3) == pytest.approx(4096 * 32)
    assert dense.resident == pytest.approx(6.74e9, rel=0.001)
    routed = stored(find_model("mixtral-8x7b"))
    assert routed.mu * routed.params ** (2 / 3) == pytest.approx(4096 * 32 / 4)
    assert routed.params == pytest.approx(stored(find_model("mistral-7b")).params, rel=1e-3)
    halved = stored(find_model("mixtral-8x7b"), kv_precision="int8")
    assert halved.mu == pytest.approx(routed.mu / 2)


def test_records_that_are_in_no_table_are_counted_by_reason():
    records = sweep("mixtral-8x7b", gpus=(4,)) + sweep("mixtral-8x22b", gpus=(4,), loads=(1, 16))
    slower = replace(records[0], tp=2, pp=2, tpot_s=records[0].tpot_s + 1)
    copies = replace(records[0], tp=2, dp=2)
    tables = latency_tables([*records, slower, copies, *sweep("llama-3.1-8b", gpus=(4,))], num_experts=8)
    assert tables.tables[0].batches.tolist() == [1, 16]
    assert tables.records == 4
    assert tables.left_out == (
        "3 of models with another number of experts",
        "1 of several attention ranks: Yun's memory has one copy",
        "1 slower layouts or repeats of the same load",
        "1 at loads that were not measured for all models",
    )


@pytest.mark.parametrize(
    ("changes", "experts", "message"),
    [
        ({"gpu": "h200-sxm"}, 8, "gpu: must be one for all records, got h100-sxm, h200-sxm: choose by --gpu"),
        ({"engine_version": "0.13.0"}, 8, "got 0.12.0, 0.13.0: choose by --engine-version"),
        ({"output_tokens": 64}, 8, "output_tokens: must be one for all records, got 64, 256"),
        ({}, 16, "experts: must be one of those that were measured, 8, got 16"),
        ({"model": "grok-1"}, 8, None),
        ({"model": "mixtral-8x70b"}, 8, "unknown name"),
    ],
)
def test_tables_are_of_one_condition_and_one_number_of_experts(changes, experts, message):
    records = sweep("mixtral-8x7b", gpus=(4,))
    records.append(replace(records[0], **changes))
    if message is None:
        assert latency_tables(records, experts).models == ("mixtral-8x7b", "grok-1")
        return
    with pytest.raises((ConfigError, UnknownNameError), match=message):
        latency_tables(records, experts)


def test_models_of_another_top_k_or_only_of_several_copies_make_no_table():
    records = sweep("llama-4-scout", "jamba-v0.1", gpus=(4,))
    with pytest.raises(ConfigError, match="records: must be of models of one top_k, got 1, 2"):
        latency_tables(records, 16)
    copies = [replace(one, tp=2, dp=2) for one in sweep("mixtral-8x7b", gpus=(4,))]
    with pytest.raises(ConfigError, match="records: must be of one copy of the model, dp 1, at least some, got 3"):
        latency_tables(copies, 8)
