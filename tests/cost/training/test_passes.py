import pytest

from optimoe.cost.hardware.accelerator import find_accelerator
from optimoe.cost.layers.machine import Machine
from optimoe.cost.layers.sizes import layer_sizes
from optimoe.cost.training.layout import TrainLayout
from optimoe.cost.training.passes import Batch, backward_pass, elementwise_bytes, forward_pass, recomputed_s
from optimoe.cost.training.products import layer_products
from optimoe.cost.training.setup import TrainSetup
from tests.cost.training.runs import gpt

MACHINE = Machine(gpu=find_accelerator("h100-sxm"))
BATCH = Batch(sequences=1, seq_len=2048)


def passes(arch, layout, setup):
    products = layer_products(MACHINE, arch, BATCH.tokens)
    return (
        forward_pass(MACHINE, arch, products, BATCH, layout, setup),
        backward_pass(MACHINE, arch, products, BATCH, layout, setup),
        products,
    )


def test_a_backward_pass_is_both_gradients_of_every_product():
    forward, backward, products = passes(gpt(experts=8), TrainLayout(), TrainSetup())
    gradients = [*products.for_inputs().layers, *products.for_weights().layers]
    dense_s = sum(times * MACHINE.time(kernel).total_s for times, kernel in gradients if kernel.reads == "weights")
    assert backward.products_s == pytest.approx(dense_s)
    assert backward.experts_s == pytest.approx(2 * forward.experts_s)
    assert backward.attention_s == pytest.approx(2.5 * forward.attention_s)
    assert backward.elementwise_s == pytest.approx(2 * forward.elementwise_s)


def test_unfused_attention_moves_every_score_through_memory():
    flash, _, _ = passes(gpt(), TrainLayout(), TrainSetup())
    unfused, back, _ = passes(gpt(), TrainLayout(), TrainSetup(attention="unfused"))
    scores_s = 13 * 24 * 16 * 2048**2 / MACHINE.gpu.memory_bytes_per_s
    assert unfused.attention_s > max(scores_s, flash.attention_s)
    assert back.attention_s > unfused.attention_s
    assert unfused.products_s == flash.products_s


@pytest.mark.parametrize(("recompute", "share"), [("none", 0.0), ("full", 1.0)])
def test_full_recomputation_runs_every_layer_again_and_none_runs_nothing(recompute, share):
    layout, setup = TrainLayout(recompute=recompute), TrainSetup()
    forward, _, _ = passes(gpt(), layout, setup)
    again_s = recomputed_s(MACHINE, gpt(), BATCH, layout, setup, forward)
    assert again_s == pytest.approx(share * forward.layers_s)


def test_what_lies_between_products_moves_in_two_bytes_a_value():
    """GPT of width 2,048: two norms, 4 · 2,048 columns of attention, 2 · 8,192 hidden values."""
    ((sizes,), setup) = layer_sizes(gpt()), TrainSetup()
    one, split = TrainLayout(), TrainLayout(tp=2, sequence_parallel=True)
    norms, columns, hidden = 2 * 2048, 4 * 2048, 2 * 8192
    forward = 2 * 4 * norms + 2 * (columns + hidden)
    again = 2 * 2 * norms + 2 * hidden
    assert elementwise_bytes(sizes, one, setup, recomputed=False) == forward
    assert elementwise_bytes(sizes, one, setup, recomputed=True) == again
    assert elementwise_bytes(sizes, split, setup, recomputed=False) == forward / 2
    dropped = elementwise_bytes(sizes, one, TrainSetup(dropout=True), recomputed=False)
    assert dropped == forward + 2 * 5 * 2048
