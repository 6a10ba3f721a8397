from optimoe.arch.quantize import with_precision
from optimoe.cost.layers.layout import Layout
from optimoe.cost.layers.parts.launches import launches
from tests.cost.cases import LLAMA, MIXTRAL, machine


def test_calls_of_a_dense_layer_are_its_norms_products_attention_and_activation():
    """Two norms, QKV, rotary embedding, cache, attention, output, up and gate, activation, down; the head."""
    assert launches(machine(Layout()), LLAMA) == 32 * 10 + 1
    assert launches(machine(Layout(tp=2)), LLAMA) == 32 * 12 + 1


def test_quantised_products_have_a_call_each_before_them():
    assert launches(machine(Layout()), with_precision(LLAMA, "fp8")) == 32 * 14 + 1


def test_routed_experts_take_the_choice_and_one_fused_call_whatever_they_are_stored_in():
    """Two norms, five calls of attention, the router, and two; one more before each quantised product."""
    assert launches(machine(Layout()), MIXTRAL) == 32 * (2 + 5 + 1 + 2) + 1
    assert launches(machine(Layout()), with_precision(MIXTRAL, "fp8")) == 32 * (2 + 5 + 1 + 2 + 2) + 1
