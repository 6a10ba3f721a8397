"""JSON of models beside the dense models that cost as much."""

import math

from optimoe.arch.catalog import find_model
from optimoe.arch.count import count
from optimoe.core.records import to_record
from optimoe.cost.published.epoch_rules import DenseEquivalent, rule_of_thumb
from optimoe.cost.sizing.dense_equivalent import CostParts, ServingCosts
from optimoe.report.records.arch import count_record
from optimoe.report.records.served.comparison import compared_record

SPEC = find_model("mixtral-8x7b")
COUNTED, RULE = count_record(SPEC, count(SPEC)), rule_of_thumb(SPEC)


def parts(seconds):
    return CostParts(
        arithmetic_s=seconds, weight_reads_s=seconds, depth_s=seconds, network_s=seconds, attention_s=seconds
    )


def test_a_dense_equivalent_and_a_cost_that_there_is_not_are_null():
    sizes = DenseEquivalent(prefill=1e9, slow_decode=math.nan, fast_decode=2e9, long_context=math.nan)
    costs = ServingCosts(
        prefill=parts(1e-6), slow_decode=parts(2e-6), fast_decode=parts(3e-3), long_context=parts(math.inf)
    )
    record = to_record(compared_record(COUNTED, RULE, ("why",), sizes, costs))
    assert record["dense_equivalent_full"] == {
        "prefill": 1e9,
        "slow_decode": None,
        "fast_decode": 2e9,
        "long_context": None,
    }
    assert set(record["components_full"]["long_context"].values()) == {None}
    assert record["components_full"]["slow_decode"]["depth_s"] == 2e-6
    assert record["outside_rule"] == ["why"]
    assert record["dense_equivalent"]["slow_decode"] == COUNTED.params_active
    assert record["dense_equivalent"]["long_context"] is None
