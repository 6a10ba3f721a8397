"""Models beside the dense models that cost as much, in columns and notes."""

import math

from optimoe.arch.catalog import find_model
from optimoe.arch.count import count
from optimoe.core.units import format_count
from optimoe.cost.published.epoch_range import outside_range
from optimoe.cost.published.epoch_rules import DenseEquivalent, rule_of_thumb
from optimoe.cost.sizing.dense_equivalent import CostParts, ServingCosts
from optimoe.laws.compare import compare as compare_laws
from optimoe.report.records.arch import count_record
from optimoe.report.records.served.comparison import compared_record
from optimoe.report.words.served.comparison_prose import (
    comparison_notes,
    component_columns,
    dense_equivalent_columns,
    ratio_columns,
)

MIXTRAL, LLAMA = find_model("mixtral-8x7b"), find_model("llama-3.1-8b")
RECORDS = [count_record(spec, count(spec)) for spec in (MIXTRAL, LLAMA)]


def compared(spec, record, full, seconds=1e-3, attention_s=0.0, advice=None):
    parts = CostParts(
        arithmetic_s=seconds, weight_reads_s=seconds, depth_s=seconds, network_s=seconds, attention_s=attention_s
    )
    costs = ServingCosts(prefill=parts, slow_decode=parts, fast_decode=parts, long_context=parts)
    return compared_record(record, rule_of_thumb(spec), outside_range(spec), full, costs, advice)


FULL = DenseEquivalent(prefill=1e9, slow_decode=math.nan, fast_decode=2e9, long_context=3e9)


def test_dense_equivalents_stand_in_rows_by_regime_with_a_dash_where_there_is_none():
    first, second = compared(MIXTRAL, RECORDS[0], FULL), compared(LLAMA, RECORDS[1], FULL)
    rows = {row[0]: row[1:] for row in dense_equivalent_columns([first, second])}
    active, total = format_count(RECORDS[0].params_active), format_count(RECORDS[1].params_total)
    assert rows["rule of thumb: slow decode"] == (active, total)
    assert rows["rule of thumb: long context"] == ("–", total)
    assert rows["  cache saved"] == ("50%", "–")
    assert rows["full cost model: prefill"] == ("1.00B", "1.00B")
    assert rows["full cost model: slow decode"] == ("–", "–")


def test_the_best_ratio_needs_training_tokens_and_experts_and_says_how_far_outside_it_lies():
    (advice,) = compare_laws(MIXTRAL, 1e12, ["li2026-rstar"]).advice
    moe, dense = compared(MIXTRAL, RECORDS[0], FULL, advice=advice), compared(LLAMA, RECORDS[1], FULL)
    assert ratio_columns([moe, dense], 1e12) == [
        ("r* of Li at 1.00T tokens", "4.73", "–"),
        ("  beyond its fit", "79.7× in C", "–"),
    ]
    assert ratio_columns([moe, dense], 0.0) == []


def test_a_component_has_its_dense_size_by_rule_beside_its_seconds_in_every_regime():
    rows = {row[0]: row[1:] for row in component_columns(compared(MIXTRAL, RECORDS[0], FULL))}
    assert rows["weight reads"] == (format_count(RECORDS[0].params_total), *["1.00 ms  25%"] * 4)
    assert rows["attention"][1:] == ("0%",) * 4
    assert rows["a token"] == ("", *["4.00 ms"] * 4)
    assert rows["dense size, full model"] == ("", "1.00B", "–", "2.00B", "3.00B")
    nowhere = {
        row[0]: row[1:] for row in component_columns(compared(MIXTRAL, RECORDS[0], FULL, math.inf, math.inf))
    }
    assert nowhere["a token"] == ("", "–", "–", "–", "–")


def test_notes_say_whose_guess_a_shape_is_and_which_assumption_of_the_rule_fails():
    gpt4, deepseek = find_model("gpt-4"), find_model("deepseek-v3")
    records = [compared(spec, count_record(spec, count(spec)), FULL) for spec in (gpt4, deepseek)]
    notes = comparison_notes(records, on="8xh100-sxm, bf16")
    assert ("gpt-4", "shape speculated: Epoch AI, December 2024") in notes
    assert any("outside the rule's range: latent attention" in words for _, words in notes)
