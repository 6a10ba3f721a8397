from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimoe.arch.catalog import find_model
from optimoe.core.errors import ConfigError
from optimoe.core.grid import broadcast, take
from optimoe.cost.layers.layout import DEGREES, Layout, candidate_layouts, check_layout, divides, undivided
from optimoe.cost.layers.weights import layer_weights
from tests.cost.cases import machine

MIXTRAL, LLAMA, DEEPSEEK = (find_model(name) for name in ("mixtral-8x7b", "llama-3.1-8b", "deepseek-v3"))


@pytest.mark.parametrize(
    ("degrees", "group", "ranks", "expert_tp", "replicas"),
    [
        ({"tp": 8}, 8, 1, 8, 1),
        ({"tp": 8, "ep": 8}, 8, 1, 1, 1),
        ({"tp": 8, "ep": 4}, 8, 1, 2, 1),
        ({"tp": 2, "dp": 4}, 2, 1, 2, 4),
        ({"tp": 1, "dp": 8, "ep": 8}, 8, 8, 1, 1),
        ({"tp": 2, "dp": 8, "ep": 8}, 8, 4, 1, 2),
        ({"tp": 2, "dp": 4, "pp": 2, "ep": 8}, 8, 4, 1, 1),
    ],
)
def test_the_group_holds_the_experts_once(degrees, group, ranks, expert_tp, replicas):
    layout = Layout(**degrees)
    assert (layout.group, layout.attention_ranks, layout.expert_tp, layout.replicas) == (
        group,
        ranks,
        expert_tp,
        replicas,
    )
    assert layout.replicas * layout.gpus_per_replica == layout.num_gpus
    assert layout.ep * layout.expert_tp == layout.group


@given(num_gpus=st.sampled_from([1, 2, 4, 6, 8, 16, 64]), node=st.sampled_from([4, 8]))
def test_every_candidate_uses_all_gpus_and_copies_are_whole(num_gpus, node):
    every = candidate_layouts(num_gpus, node, {}, routed=True)
    assert (every.num_gpus == num_gpus).all()
    assert (every.tp <= node).all()
    kept = divides(MIXTRAL, every)
    whole = take(broadcast(every), np.broadcast_to(kept, every.tp.shape))
    assert (whole.replicas * whole.gpus_per_replica == num_gpus).all()
    assert (MIXTRAL.moe.num_experts % whole.ep == 0).all()


def test_given_degrees_stand_and_the_rest_runs():
    every = candidate_layouts(8, 8, {"tp": 2, "ep": 8, "resident": 0.5}, routed=True)
    assert set(zip(every.tp.tolist(), every.ep.tolist(), every.pp.tolist(), every.dp.tolist(), strict=True)) == {
        (2, 8, 1, 4),
        (2, 8, 2, 2),
        (2, 8, 4, 1),
    }
    assert every.resident == 0.5
    assert candidate_layouts(8, 8, {"tp": 3}, routed=True).tp.size == 0
    assert (candidate_layouts(8, 8, {}, routed=False).ep == 1).all()


@pytest.mark.parametrize(
    ("arch", "gpus", "degrees", "words"),
    [
        (MIXTRAL, 8, {"tp": 4}, "tp × pp × dp: must be the number of GPUs, 8, got 4 × 1 × 1"),
        (MIXTRAL, 6, {"tp": 6}, "tp: must be a divisor of num_heads = 32 (nearest: 4 and 8), got 6"),
        (MIXTRAL, 12, {"tp": 4, "dp": 3, "ep": 12}, "ep: must be a divisor of num_experts = 8"),
        (MIXTRAL, 6, {"tp": 2, "dp": 3, "ep": 3}, "ep: must be a divisor or a multiple of tp"),
        (MIXTRAL, 8, {"tp": 8, "sp": 3}, "sp: must be a divisor of tp"),
        (MIXTRAL, 64, {"pp": 64}, "pp: must be at most num_layers = 32"),
        (LLAMA, 8, {"tp": 8, "ep": 8}, "ep: must be 1 for a model without routed experts"),
        (LLAMA, 1, {"resident": 0.5}, "resident: must be 1"),
    ],
)
def test_a_layout_that_does_not_divide_says_what_would(arch, gpus, degrees, words):
    with pytest.raises(ConfigError) as caught:
        check_layout(arch, gpus, Layout(**degrees))
    assert words in str(caught.value)


def test_degrees_are_positive_and_shares_are_shares():
    for name in DEGREES:
        with pytest.raises(ConfigError, match=name):
            Layout(**{name: 0})
    with pytest.raises(ConfigError, match="resident"):
        Layout(resident=1.5)


def test_more_ranks_than_experts_take_copies_that_deal_out_evenly():
    wide = Layout(dp=320, ep=320)
    assert "ep: must be a divisor of num_experts = 256" in undivided(DEEPSEEK, wide)
    assert "or with --redundant-experts 64, got 320" in undivided(DEEPSEEK, wide)
    assert not undivided(DEEPSEEK, replace(wide, redundant_experts=64))
    assert "256 + 32 redundant" in undivided(DEEPSEEK, replace(wide, redundant_experts=32))
    assert not undivided(DEEPSEEK, Layout(dp=32, ep=32, redundant_experts=32))
    assert "redundant_experts: must be 0 for a model without" in undivided(LLAMA, Layout(redundant_experts=2))
    with pytest.raises(ConfigError, match="redundant_experts: must be zero or more"):
        Layout(redundant_experts=-1)


def test_copies_of_experts_take_memory_and_share_the_tokens_of_their_originals():
    plain, copied = (machine(Layout(dp=32, ep=32, redundant_experts=copies)) for copies in (0, 32))
    layer = DEEPSEEK.layers[-1]
    held, more = (layer_weights(gpus, DEEPSEEK, layer)["routed_experts"] for gpus in (plain, copied))
    assert more == pytest.approx(held * 288 / 256)
    few, many = (gpus.spread(layer.ffn, 64.0) for gpus in (plain, copied))
    assert (many.pairs, many.distinct <= 9, few.distinct <= 8) == (pytest.approx(few.pairs, rel=0.02), True, True)
