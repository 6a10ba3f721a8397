"""Training time and memory: hand-worked cases, published memory, invariants, and grids that equal scalars."""

from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimoe.arch.catalog import find_model
from optimoe.arch.params import count_params
from optimoe.arch.parts import Attention, DenseFFN, MoE
from optimoe.arch.spec import ArchSpec, LayerGroup
from optimoe.core.config import load_facts
from optimoe.core.errors import ConfigError, InfeasibleError, UnknownNameError
from optimoe.cost.hardware.accelerator import Cluster, find_accelerator
from optimoe.cost.hardware.price import given_price
from optimoe.cost.kernels.calls import Gemm
from optimoe.cost.layers.machine import Machine
from optimoe.cost.training.estimate import (
    CONVENTIONS,
    TrainRun,
    estimate_training,
    model_flops_per_token,
    predict,
)
from optimoe.cost.training.layout import TrainLayout
from optimoe.cost.training.memory import TrainMemory, activation_bytes, train_memory
from optimoe.cost.training.passes import layer_products
from optimoe.cost.training.search import (
    best_training,
    candidate_train_layouts,
    training_mfu,
    usual_train_layouts,
)
from optimoe.cost.training.setup import TrainSetup, training_sources
from optimoe.cost.training.step import TrainStep

GIB = 2**30
MIXTRAL = find_model("mixtral-8x7b")


def gpt(d_model=2048, num_layers=24, num_heads=16, vocab_size=51_200, experts=0):
    attention = Attention(num_heads=num_heads, num_kv_heads=num_heads, head_dim=d_model // num_heads)
    dense = DenseFFN(d_ff=4 * d_model, gated=False)
    ffn = MoE(num_experts=experts, top_k=2, d_expert=d_model) if experts else dense
    group = LayerGroup(num_layers=num_layers, mixer=attention, ffn=ffn)
    return ArchSpec(name="gpt", vocab_size=vocab_size, d_model=d_model, layers=(group,), tied_embeddings=True)


def run(gpus=64, gpu="h100-sxm", sequences=512, seq_len=4096, **setup):
    cluster = Cluster(accelerator=find_accelerator(gpu), num_gpus=gpus)
    return TrainRun(
        cluster=cluster,
        batch_tokens=sequences * seq_len,
        seq_len=seq_len,
        setup=TrainSetup(**setup),
        price=given_price(2.0),
    )


def memory(arch, layout, question):
    return predict(arch, question, layout)[1]


LAYOUTS = st.builds(
    lambda tp, pp, dp, micro, zero, again, parallel: TrainLayout(
        tp=tp, pp=pp, dp=dp, micro_batch=micro, zero=zero, recompute=again, sequence_parallel=parallel
    ),
    st.sampled_from([1, 2, 4, 8]),
    st.sampled_from([1, 2, 4]),
    st.sampled_from([1, 2, 8, 64]),
    st.sampled_from([1, 2, 4]),
    st.sampled_from([0, 1, 2, 3]),
    st.sampled_from(["none", "selective", "full"]),
    st.booleans(),
)
ARCHS = st.builds(
    lambda heads, layers, experts: gpt(128 * heads, layers, heads, experts=experts),
    st.sampled_from([8, 16, 40]),
    st.sampled_from([8, 16, 32]),
    st.sampled_from([0, 8, 64]),
)


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
        return activation_bytes(machine, arch, changed, setup, 512, 2048) / GIB

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


def test_gradients_of_a_product_run_at_their_own_shapes():
    products = layer_products(Machine(gpu=find_accelerator("h100-sxm")), gpt(), 4096)
    (of_inputs, of_weights) = (products.for_inputs(), products.for_weights())
    for (_, one), (_, by_input), (_, by_weight) in zip(
        products.layers, of_inputs.layers, of_weights.layers, strict=True
    ):
        assert by_input == replace(one, shape=one.shape.for_input())
        assert by_weight == replace(one, shape=one.shape.for_weight())
    assert of_weights.logits.shape == Gemm(rows=2048, width=51_200, depth=4096)


def test_routed_experts_take_their_forward_time_for_each_gradient():
    products = layer_products(Machine(gpu=find_accelerator("h100-sxm")), gpt(experts=8), 4096)
    for passed in (products.for_inputs(), products.for_weights()):
        (experts,) = (kernel for _, kernel in products.layers if kernel.reads == "experts")
        assert experts in [kernel for _, kernel in passed.layers]


@settings(max_examples=60, deadline=None)
@given(ARCHS, LAYOUTS)
def test_no_run_beats_the_peak(arch, layout):
    estimate = estimate_training(arch, run(gpus=int(layout.num_gpus)), layout)
    assert 0 < estimate.mfu("counted") <= 1
    assert all(np.all(getattr(estimate.step, field.name) >= 0) for field in fields(TrainStep))


@settings(max_examples=60, deadline=None)
@given(ARCHS, LAYOUTS)
def test_memory_grows_with_the_micro_batch_and_the_model_and_falls_with_zero_and_gpus(arch, layout):
    question = run(gpus=int(layout.num_gpus))
    total = memory(arch, layout, question).total
    # all sequences in flight already: as many tokens are kept, whatever the micro-batch
    assert memory(arch, replace(layout, micro_batch=2 * layout.micro_batch), question).total >= total
    assert memory(replace(arch, vocab_size=2 * arch.vocab_size), layout, question).total > total
    wider = replace(arch, layers=(replace(arch.layers[0], num_layers=2 * arch.num_layers),))
    assert memory(wider, layout, question).total > total
    for stage in range(layout.zero, 4):
        less = memory(arch, replace(layout, zero=stage), question).total
        assert less <= total * (1 + 1e-9)
        total = less
    layout = replace(layout, zero=3)
    for more in ({"dp": 2 * layout.dp}, {"pp": 2 * layout.pp}):
        assert memory(arch, replace(layout, **more), question).total <= total * (1 + 1e-9)
    if layout.tp < 8:
        assert memory(arch, replace(layout, tp=2 * layout.tp), question).total <= total * (1 + 1e-9)


@settings(max_examples=40, deadline=None)
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
        step, _ = predict(arch, run(gpus=8, sequences=sequences), layout)
        return step.bubble_s / step.total_s

    assert waiting(64, interleave) > waiting(128, interleave) > waiting(1024, interleave)
    assert waiting(64, interleave) >= waiting(64, interleave + 1)


def test_even_stages_wait_p_minus_1_over_m():
    arch = gpt(vocab_size=8)  # logits of no weight
    layout = TrainLayout(pp=4, dp=1)
    step, _ = predict(arch, run(gpus=4, sequences=16, seq_len=2048, time_scale=1.0), layout)
    kernels = step.products_s + step.experts_s + step.attention_s + step.elementwise_s
    assert step.bubble_s == pytest.approx(3 / 16 * kernels, rel=0.01)


def test_overlap_hides_exchange():
    layout = TrainLayout(tp=8, ep=8, dp=8)
    loud, _ = predict(MIXTRAL, run(dp_overlap=0.0), layout)
    calm, _ = predict(MIXTRAL, run(tp_overlap=1.0, ep_overlap=1.0, dp_overlap=1.0), layout)
    assert loud.tensor_parallel_s > 0
    assert loud.data_parallel_s > 0
    assert calm.tensor_parallel_s == 0
    assert calm.data_parallel_s < loud.data_parallel_s
    spread = TrainLayout(tp=1, ep=8, dp=64)
    assert predict(MIXTRAL, run(), spread)[0].all_to_all_s > 0
    assert predict(MIXTRAL, run(ep_overlap=1.0), spread)[0].all_to_all_s == 0


def test_zero_3_sends_more_and_a_group_over_nodes_is_slower():
    slow = run(dp_overlap=0.0)
    sent = [predict(gpt(), slow, TrainLayout(dp=64, zero=stage))[0].data_parallel_s for stage in (1, 2, 3)]
    assert sent == sorted(sent)
    routed = gpt(experts=64)
    inside, across = (predict(routed, run(), TrainLayout(ep=ep, dp=64))[0].all_to_all_s for ep in (8, 64))
    assert across > inside > 0


def test_a_grid_equals_its_scalars():
    widths, depths = np.array([1024, 2048, 4096]), np.array([16, 24, 32])
    grid = gpt(widths, depths, widths // 128, experts=16)
    layouts = candidate_train_layouts(64, 8, 512, routed=True, most_experts=8, micro_batches=(1, 2))
    step, held = predict(grid.over(1), run(), layouts)
    for row in range(3):
        for column in range(0, len(layouts.tp), 97):
            one = predict(grid.at(row), run(), layouts.at(column))
            assert np.broadcast_to(step.total_s, (3, len(layouts.tp)))[row, column] == pytest.approx(
                one[0].total_s
            )
            assert np.broadcast_to(held.total, (3, len(layouts.tp)))[row, column] == pytest.approx(one[1].total)


def test_the_best_of_each_design_is_that_of_the_design_alone():
    widths, depths = np.array([1024, 2048, 8192]), np.array([16, 24, 64])
    grid, question = gpt(widths, depths, widths // 128, experts=8), run()
    layouts = usual_train_layouts(64, 8, 512, routed=True)
    found = training_mfu(grid, question, layouts)
    for row in range(3):
        alone = best_training(grid.at(row), question, layouts)
        assert found.step_s[row] == pytest.approx(alone.step.total_s)
        assert found.mfu[row] == pytest.approx(alone.mfu())
        assert layouts.at(int(found.choice[row])) == alone.layout


def test_a_design_that_does_not_fit_is_marked():
    grid = gpt(np.array([1024, 16384]), np.array([16, 128]), np.array([8, 128]), experts=16)
    found = training_mfu(grid, run(gpus=8))
    assert list(found.fits) == [True, False]
    assert np.isnan(found.mfu[1])
    assert found.choice[1] == -1


def test_the_best_layout_is_never_worse_than_any_that_fits():
    best = best_training(MIXTRAL, run())
    assert best.memory.fits
    for layout in (TrainLayout(ep=8, pp=4, dp=16, interleave=4), TrainLayout(tp=8, ep=8, dp=8)):
        other = estimate_training(MIXTRAL, run(), layout)
        assert best.step.total_s <= other.step.total_s or not other.memory.fits


def test_what_is_short_is_said():
    with pytest.raises(InfeasibleError, match=r"no layout of mixtral-8x7b fits on 4 GPUs; .* short of"):
        best_training(MIXTRAL, run(gpus=4, sequences=64))
    with pytest.raises(InfeasibleError, match="none divides"):
        best_training(MIXTRAL, run(gpus=37, sequences=3))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"tp": 3, "dp": 1}, r"the number of GPUs, 64, got 3"),
        ({"tp": 64, "dp": 1}, r"tp: must be a divisor of num_heads = 32 \(nearest: 32\), got 64"),
        ({"ep": 16, "dp": 64}, r"ep: must be a divisor of num_experts = 8 \(nearest: 8\), got 16"),
        ({"micro_batch": 3, "dp": 64}, r"micro_batch: must be a divisor of sequences of a rank = 8 \(nearest: 2"),
        ({"pp": 64}, "pp: must be at most num_layers = 32"),
        ({"pp": 16, "dp": 4, "interleave": 4}, "interleave: must be at most the layers of a stage, 2"),
    ],
)
def test_a_bad_layout_is_one_line(changed, message):
    with pytest.raises(ConfigError, match=message):
        estimate_training(MIXTRAL, run(), TrainLayout(**changed))


def test_bad_requests_are_one_line():
    with pytest.raises(
        ConfigError, match=r"batch_tokens: must be a multiple of seq_len = 4096 \(nearest: 4096 and"
    ):
        replace(run(), batch_tokens=5000)
    with pytest.raises(ConfigError, match="interleave: must be 1 without pipeline stages"):
        TrainLayout(interleave=2)
    with pytest.raises(ConfigError, match=r"zero: must be one of \(0, 1, 2, 3\), got 4"):
        TrainLayout(zero=4)
    with pytest.raises(UnknownNameError, match="recompute"):
        TrainLayout(recompute="some")
    with pytest.raises(ConfigError, match="dp_overlap"):
        TrainSetup(dp_overlap=1.5)


def test_days_and_dollars_follow_from_the_speed():
    one = estimate_training(MIXTRAL, run(), TrainLayout(ep=8, pp=4, dp=16, interleave=4))
    assert one.days(1e12) == pytest.approx(1e12 / one.tokens_per_s / 86_400)
    assert one.usd(1e12) == pytest.approx(one.days(1e12) * 24 * 64 * 2.0)
    low, high = one.mfu_range()
    assert low < one.mfu() < high
    assert one.mfu("6nd") < one.mfu("whole_square")
    assert one.bound_by == "experts"


def test_conventions_count_what_they_say():
    arch = gpt()
    sixnd, counted, square = (model_flops_per_token(arch, 2048, name) for name in CONVENTIONS)
    assert sixnd == 6 * count_params(arch).total
    per_layer = 72 * 24 * 2048 * 2048**2 * (1 + 2048 / (6 * 2048) + 51_200 / (12 * 24 * 2048))
    assert square * 2048 == pytest.approx(per_layer)  # Korthikanti 2022, Eq. 7, for one sequence
    assert counted < square


def test_every_constant_has_a_source():
    assert all(one.source and one.basis for one in training_sources())
    assert load_facts("optimoe.cost", "training.toml")["time_scale"]["basis"] == "fitted"


def test_memory_says_its_largest_part():
    held = TrainMemory(weights=1e9, gradients=2e9, optimizer=6e9, activations=4e9, usable=1e10)
    assert not held.fits
    assert held.short() == "3.00 GB short of 13.0 GB (most: optimizer, 6.00 GB)"


def test_train_memory_is_what_predict_gives():
    layout, question = TrainLayout(dp=64), run()
    machine = Machine(gpu=find_accelerator("h100-sxm"), layout=layout.parts, execution=question.setup.execution)
    assert train_memory(machine, gpt(), layout, question.setup, 512, 4096) == memory(gpt(), layout, question)
