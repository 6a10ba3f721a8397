"""A shape in one line names what a reader needs."""

from optimoe.core.units import format_count
from optimoe.report.words.plan.shapes import shape_words


def test_a_shape_names_experts_heads_and_widths(result):
    spec, params = result.choice.spec, result.choice.params
    words = shape_words(spec, params)
    assert words.startswith(f"MoE E = {spec.moe.num_experts}, top-{spec.moe.top_k} · ")
    assert f"{spec.num_layers} layers × {spec.d_model}" in words
    assert words.endswith(f"experts {spec.moe.d_expert}")
    dense = next(item.candidate for item in result.alternatives if item.family.dense and item.candidate)
    assert shape_words(dense.spec, dense.params).startswith(f"dense {format_count(dense.params.total)} · ")
