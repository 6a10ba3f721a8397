"""Counted models in words print the numbers of their records."""

import math

from optimoe.arch.catalog import find_model
from optimoe.arch.count import count
from optimoe.core.units import format_bytes, format_count
from optimoe.cost.published.epoch_rules import DenseEquivalent, dense_equivalent
from optimoe.report.records.arch import compared_record, count_record
from optimoe.report.words.arch_prose import arch_columns, arch_lines, dense_equivalent_columns

MIXTRAL, LLAMA = find_model("mixtral-8x7b"), find_model("llama-3.1-8b")
RECORDS = [count_record(spec, count(spec)) for spec in (MIXTRAL, LLAMA)]


def test_one_model_is_said_with_parts_flops_and_bytes():
    record = RECORDS[0]
    text = "\n".join(text for _, text in arch_lines(record))
    assert f"{record.params_total:,} total · {record.params_active:,} active" in text
    assert f"routed experts {format_count(record.parts.routed_experts)}" in text
    assert "dense ffn" not in text  # a part that is not there is not named
    for flops in (record.flops_per_token.prefill, record.flops_per_token.decode, record.flops_per_token.train):
        assert format_count(flops) in text
    assert f"weights {format_bytes(record.weight_bytes)} (bf16)" in text
    assert "sparsity 0.750 · granularity (krajewski) 1.14 · granularity (ling) 0.571" in text


def test_models_side_by_side_have_a_row_for_each_quantity():
    rows = {row[0]: row[1:] for row in arch_columns(RECORDS)}
    assert rows[""] == ("mixtral-8x7b", "llama-3.1-8b")
    assert rows["params"] == tuple(format_count(record.params_total) for record in RECORDS)
    assert rows["experts, top-k"] == ("8, 2", "1, 1")
    assert rows["cache per token"] == tuple(format_bytes(record.kv_bytes_per_token) for record in RECORDS)


def test_dense_equivalents_stand_in_rows_by_regime_with_a_dash_where_there_is_none():
    full = DenseEquivalent(prefill=1e9, slow_decode=math.nan, fast_decode=2e9, long_context=3e9)
    first = compared_record(RECORDS[0], dense_equivalent(MIXTRAL), full)
    second = compared_record(RECORDS[1], dense_equivalent(LLAMA), None)
    by_rule, by_cost = dense_equivalent_columns([first, second], on="8xh100-sxm, bf16")
    assert by_rule[1] == (
        "dense equivalent, rule of thumb: slow decode",
        format_count(RECORDS[0].params_total),
        format_count(RECORDS[1].params_total),
    )
    assert by_cost[0] == ("on 8xh100-sxm, bf16: prefill", "1.00B", "–")
