"""Counted models in words print the numbers of their records."""

from optimoe.arch.catalog import find_model
from optimoe.arch.count import count
from optimoe.core.units import format_bytes, format_count
from optimoe.report.records.arch import count_record
from optimoe.report.words.arch_prose import arch_columns, arch_lines

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
    assert "sparsity of routed experts 0.750 · active share, shared experts in both, 0.250 · granularity" in text


def test_models_side_by_side_have_a_row_for_each_quantity():
    rows = {row[0]: row[1:] for row in arch_columns(RECORDS)}
    assert rows[""] == ("mixtral-8x7b", "llama-3.1-8b")
    assert rows["params"] == tuple(format_count(record.params_total) for record in RECORDS)
    assert rows["experts, top-k"] == ("8, 2", "1, 1")
    assert rows["active share, with shared"] == ("0.250", "1.000")
    attention, ffn = (float(share.strip("%")) for share in rows["prefill FLOPs attention, FFN"][0].split(", "))
    flops = RECORDS[0].flops_parts.prefill
    scores = flops.attention_projections + flops.attention_scores
    assert attention == round(100 * scores / RECORDS[0].flops_per_token.prefill)
    assert ffn == round(100 * (flops.router + flops.routed_experts) / RECORDS[0].flops_per_token.prefill)
    assert rows["cache per token"] == tuple(format_bytes(record.kv_bytes_per_token) for record in RECORDS)


def test_a_guessed_shape_says_whose_guess_it_is():
    records = [count_record(spec, count(spec)) for spec in (find_model("gpt-4"), LLAMA)]
    assert ("", "shape speculated: Epoch AI, December 2024") in arch_lines(records[0])
    assert {row[0]: row[1:] for row in arch_columns(records)}["shape"] == ("speculated", "published")
