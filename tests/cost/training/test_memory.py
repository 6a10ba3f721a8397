from dataclasses import replace

import pytest
from hypothesis import given, settings

from optimoe.arch.params import count_params
from optimoe.arch.parts import LatentAttention
from optimoe.cost.hardware.accelerator import find_accelerator
from optimoe.cost.layers.machine import Machine
from optimoe.cost.training.layout import TrainLayout
from optimoe.cost.training.memory import TrainMemory, activation_bytes, train_memory
from optimoe.cost.training.setup import TrainSetup
from tests.cost.training.runs import ARCHS, LAYOUTS, MIXTRAL, even, gpt, memory, run

GIB = 2**30
H100 = find_accelerator("h100-sxm")


@pytest.mark.parametrize(
    ("arch", "layout", "gib_none", "gib_selective"),
    [
        (gpt(6144, 48, 64), TrainLayout(tp=8, micro_batch=4), 59.25, 9.5625),
        (gpt(12288, 96, 96), TrainLayout(tp=8, pp=8, interleave=3), 66.84375, 12.3515625),
        (gpt(20480, 105, 128), TrainLayout(tp=8, pp=35, interleave=3), 114.0234375, 23.076171875),
        (gpt(25600, 128, 160), TrainLayout(tp=8, pp=64), 131.25, 26.5625),
    ],
    ids=["22B", "175B", "530B", "1T"],
)
def test_activations_are_those_of_korthikanti_2022_figure_1(arch, layout, gib_none, gib_selective):
    setup = TrainSetup(attention="unfused", dropout=True)
    machine = Machine(gpu=find_accelerator("a100-sxm"), layout=layout.parts, execution=setup.execution)

    def gib(recompute, parallel):
        changed = replace(layout, recompute=recompute, sequence_parallel=parallel)
        return max(activation_bytes(machine, arch, changed, setup, 512, 2048)) / GIB

    logits = 8 * 4 * 2048 * 51_200 / 8 / GIB if layout.pp == 1 else 0.0  # they leave the logits out
    assert gib("none", False) == pytest.approx(gib_none, abs=0.02 + 1.5 * logits)
    assert gib("selective", True) == pytest.approx(gib_selective, abs=0.02 + 1.5 * logits)


@pytest.mark.parametrize(("gradient_bytes", "per_param"), [(2, 16), (4, 18)])
def test_states_take_16_or_18_bytes_per_parameter(gradient_bytes, per_param):
    question = run(gpus=1, sequences=8, gradient_bytes=gradient_bytes)
    one = memory(gpt(), TrainLayout(zero=0), question)
    assert one.weights + one.gradients + one.optimizer == pytest.approx(per_param * count_params(gpt()).total)


def test_every_gpu_together_hold_the_states_once_under_zero_1():
    layout = TrainLayout(tp=2, ep=4, dp=32, zero=1)
    one = memory(MIXTRAL, layout, run())
    assert one.optimizer * 64 == pytest.approx(12 * count_params(MIXTRAL).total)


def held(arch, layout, question):
    """The memory alone, without the step that :func:`memory` predicts with it."""
    machine = Machine(gpu=H100, layout=layout.parts, execution=question.setup.execution)
    sequences, seq_len = question.sequences, question.seq_len
    return train_memory(machine, arch, layout, question.setup, sequences=sequences, seq_len=seq_len)


@settings(max_examples=settings().max_examples // 2)
@given(ARCHS, LAYOUTS)
def test_memory_grows_with_the_micro_batch_and_the_model_and_falls_with_zero_and_gpus(arch, layout):
    question, layout = run(gpus=int(layout.num_gpus)), even(arch, layout)
    total = held(arch, layout, question).total
    # all sequences in flight already: as many tokens are kept, whatever the micro-batch
    assert held(arch, replace(layout, micro_batch=2 * layout.micro_batch), question).total >= total
    assert held(replace(arch, vocab_size=2 * arch.vocab_size), layout, question).total > total
    wider = replace(arch, layers=(replace(arch.layers[0], num_layers=2 * arch.num_layers),))
    assert held(wider, even(wider, layout), question).total > total
    for stage in range(layout.zero, 4):
        less = held(arch, replace(layout, zero=stage), question).total
        assert less <= total * (1 + 1e-9)
        total = less
    layout = replace(layout, zero=3)
    for more in ({"dp": 2 * layout.dp}, {"pp": 2 * layout.pp}):
        assert held(arch, even(arch, replace(layout, **more)), question).total <= total * (1 + 1e-9)
    if layout.tp < 8:
        assert held(arch, replace(layout, tp=2 * layout.tp), question).total <= total * (1 + 1e-9)


def test_memory_says_its_largest_part():
    full = TrainMemory(weights=1e9, gradients=2e9, optimizer=6e9, activations=4e9, usable=1e10)
    assert not full.fits
    assert full.short() == "3.00 GB short of 13.0 GB (most: optimizer, 6.00 GB)"


def test_train_memory_is_what_predict_gives():
    layout, question = TrainLayout(dp=64), run()
    assert held(gpt(), layout, question) == memory(gpt(), layout, question)


@pytest.mark.parametrize(("recompute", "latent_values"), [("none", 64 + 48 + 240), ("selective", 64 + 48)])
def test_latent_attention_keeps_its_latents_its_outputs_and_what_it_expands(recompute, latent_values):
    """Beside plain attention of as many heads, 2 · (4 + 4) · 16 values; what is expanded may be dropped."""
    plain = gpt(64, 3, 4)
    latent = LatentAttention(num_heads=4, q_lora_rank=32, kv_lora_rank=24, qk_nope_dim=16, qk_rope_dim=8, v_dim=12)
    changed = replace(plain, layers=tuple(replace(group, mixer=latent) for group in plain.layers))
    layout, setup = TrainLayout(recompute=recompute), TrainSetup()
    machine = Machine(gpu=H100, layout=layout.parts, execution=setup.execution)
    kept, beside = (
        activation_bytes(machine, arch, layout, setup, 1, 128)[0] / (3 * 128) for arch in (changed, plain)
    )
    assert kept - beside == pytest.approx(2 * (latent_values - 2 * (4 + 4) * 16))
