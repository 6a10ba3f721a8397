import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimoe.arch.catalog import find_model
from optimoe.core.errors import ConfigError
from optimoe.cost.training.estimate import estimate_training
from optimoe.cost.training.layout import (
    MOST_BATCH_CHANGE,
    TrainLayout,
    batch_kept,
    logits_in_layers,
    pipeline_stages,
    staged,
    step_sequences,
)
from tests.cost.training.runs import MIXTRAL, even, gpt, run


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"tp": 3, "dp": 32}, r"tp × pp × dp: must be at most the 64 GPUs, got 3 × 1 × 32"),
        ({"tp": 64, "dp": 1}, r"tp: must be a divisor of num_heads = 32 \(nearest: 32\), got 64"),
        ({"ep": 16, "dp": 64}, r"ep: must be a divisor of num_experts = 8 \(nearest: 8\), got 16"),
        ({"micro_batch": 3, "dp": 64}, r"sequences of a step: must be within 10% of .* \(nearest: 576\), got 512"),
        ({"pp": 64}, "pp: must be at most num_layers = 32"),
        ({"pp": 16, "dp": 4, "interleave": 4}, "interleave: must be at most the layers of a stage, 2"),
    ],
)
def test_a_bad_layout_is_one_line(changed, message):
    with pytest.raises(ConfigError, match=message):
        estimate_training(MIXTRAL, run(), TrainLayout(**changed))


DEPTHS, STAGES, CHUNKS = st.integers(1, 130), st.integers(1, 32), st.sampled_from([1, 2, 3, 4])


@given(DEPTHS, STAGES, CHUNKS, st.sampled_from([8, 51_200, 400_000]))
def test_stages_hold_every_layer_and_the_ends_are_the_lighter_ones(layers, pp, chunks, vocab_size):
    arch = gpt(num_layers=layers, vocab_size=vocab_size)
    dealt = pipeline_stages(arch, TrainLayout(pp=pp, interleave=chunks if pp > 1 else 1))
    if not dealt.even_chunks:
        return
    if pp == 1:
        assert dealt.first == dealt.middle == dealt.last == layers
        return
    assert dealt.first + (pp - 2) * dealt.middle + dealt.last == layers
    assert dealt.middle % chunks == 0
    assert dealt.middle - dealt.middle / chunks < dealt.first <= dealt.middle
    least = dealt.middle - dealt.middle / chunks + (chunks == 1)
    assert least <= dealt.last <= dealt.middle


@given(DEPTHS, st.integers(2, 16), st.sampled_from([8, 51_200, 400_000]))
def test_no_other_depth_of_the_stages_is_faster(layers, pp, vocab_size):
    arch = gpt(num_layers=layers, vocab_size=vocab_size)
    logits, dealt = logits_in_layers(arch), pipeline_stages(arch, TrainLayout(pp=pp))

    def slowest(first, middle, last):
        return max(first, middle if pp > 2 else 0, last + logits)

    others = [
        slowest(layers - (pp - 2) * middle - last, middle, last)
        for middle in range(1, layers + 1)
        for last in range(1, middle + 1)
        if 1 <= layers - (pp - 2) * middle - last <= middle
    ]
    assert bool(others) == bool(dealt.even_chunks)
    if others:
        assert slowest(dealt.first, dealt.middle, dealt.last) == pytest.approx(min(others))


@pytest.mark.parametrize(
    ("model", "pp", "interleave", "stages"),
    [
        ("deepseek-v3", 16, 1, (3, 4, 2)),
        (
            "deepseek-v3",
            16,
            2,
            (3, 4, 2),
        ),  # the split of Megatron Core's user guide has 5, 4 and 2 with its own module
        ("llama-3.1-405b", 16, 1, (7, 8, 7)),  # as Llama 3 was trained: arXiv 2407.21783, Sec. 3.3.2
        ("mixtral-8x7b", 4, 8, (8, 8, 8)),
    ],
)
def test_models_are_split_as_their_makers_split_them(model, pp, interleave, stages):
    dealt = pipeline_stages(find_model(model), TrainLayout(pp=pp, interleave=interleave))
    assert (dealt.first, dealt.middle, dealt.last) == stages


def test_stages_beside_a_grid_are_those_of_each_design():
    depths, pps = np.array([24, 61, 80]), np.array([1, 4, 16, 4])
    grid = gpt(num_layers=depths).over(1)
    dealt = pipeline_stages(grid, TrainLayout(pp=pps, interleave=np.array([1, 2, 1, 1])))
    for row, depth in enumerate(depths):
        for column, chunks in enumerate([1, 2, 1, 1]):
            one = pipeline_stages(gpt(num_layers=int(depth)), TrainLayout(pp=int(pps[column]), interleave=chunks))
            assert (dealt.first[row, column], dealt.last[row, column]) == (one.first, one.last)
            assert dealt.even_chunks[row, column] == one.even_chunks


def test_uneven_stages_take_at_least_the_time_of_as_many_layers_dealt_evenly():
    """33 layers on 4 stages are no faster than 33/32 of 32 layers, whose stages are even."""
    layout = TrainLayout(pp=4, dp=16)
    uneven, whole = (
        estimate_training(arch, run(), layout if arch.num_layers == 33 else even(arch, layout))
        for arch in (gpt(num_layers=33, vocab_size=8), gpt(num_layers=32, vocab_size=8))
    )
    assert uneven.step.total_s >= whole.step.total_s * 33 / 32
    assert uneven.step.bubble_s > whole.step.bubble_s


def test_what_a_layout_states_of_its_stages_is_kept():
    layout = TrainLayout(pp=4, dp=16, first_layers=5, last_layers=7)
    dealt = pipeline_stages(gpt(num_layers=32), layout)
    assert (dealt.first, dealt.middle, dealt.last) == (5, 10, 7)
    assert staged(gpt(num_layers=32), layout) == layout
    assert not pipeline_stages(gpt(num_layers=33), layout).even_chunks


@given(st.integers(1, 3000), st.integers(1, 512), st.sampled_from([1, 2, 4]), st.sampled_from([1, 2]))
def test_the_batch_is_the_nearest_that_the_ranks_can_share(sequences, dp, micro_batch, interleave):
    layout = TrainLayout(dp=dp, micro_batch=micro_batch, pp=2, interleave=interleave)
    taken, unit = step_sequences(layout, sequences), dp * micro_batch * (2 if interleave > 1 else 1)
    assert taken % unit == 0
    assert abs(taken - sequences) <= unit / 2 or taken == unit
    assert batch_kept(layout, sequences) == (abs(taken / sequences - 1) <= MOST_BATCH_CHANGE)
