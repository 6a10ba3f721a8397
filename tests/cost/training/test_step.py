from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimoe.cost.training.estimate import predict
from optimoe.cost.training.layout import TrainLayout
from tests.cost.training.runs import LAYOUTS, even, gpt, run


@settings(max_examples=settings().max_examples // 2)
@given(LAYOUTS)
def test_recomputation_saves_memory_and_costs_time(layout):
    question = run(gpus=int(layout.num_gpus))
    steps = [predict(gpt(), question, replace(layout, recompute=name)) for name in ("none", "selective", "full")]
    totals = [step.total_s for step, _ in steps]
    kept = [held.activations for _, held in steps]
    assert totals == sorted(totals)
    assert kept[0] > kept[1]
    assert kept[0] > kept[2]


@given(st.sampled_from([2, 4, 8]), st.sampled_from([1, 2, 3]))
def test_the_bubble_falls_with_micro_batches_and_with_interleaving(pp, interleave):
    arch = gpt(num_layers=24)

    def waiting(sequences, chunks):
        layout = TrainLayout(pp=pp, dp=8 // pp, interleave=chunks)
        step, _ = predict(arch, run(gpus=8, sequences=sequences), even(arch, layout))
        return step.bubble_s / step.total_s

    assert waiting(64, interleave) > waiting(128, interleave) > waiting(1024, interleave)
    assert waiting(64, interleave) >= waiting(64, interleave + 1)


def test_even_stages_wait_p_minus_1_over_m():
    arch = gpt(vocab_size=8)  # logits of no weight
    layout = TrainLayout(pp=4, dp=1)
    step, _ = predict(arch, run(gpus=4, sequences=16, seq_len=2048, time_scale=1.0), layout)
    kernels = step.products_s + step.experts_s + step.attention_s + step.elementwise_s
    assert step.bubble_s == pytest.approx(3 / 16 * kernels, rel=0.01)
