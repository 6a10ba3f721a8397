"""Local moves of a design: one thing each, and the active size stays where the move is not about it."""

import pytest

from optimoe.arch.catalog import find_model
from optimoe.arch.memory import kv_bytes
from optimoe.arch.params import count_params
from optimoe.arch.parts import LatentAttention
from optimoe.planner.explain.scoring.moves import local_moves, scaled

NAMES = (
    "qwen3-30b-a3b", "deepseek-v3", "longcat-flash", "gpt-oss-20b", "llama-3.1-8b", "jamba-1.5-mini",
    "qwen3-next-80b-a3b",
)  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_every_move_keeps_what_a_token_uses_unless_it_is_about_that(name):
    spec = find_model(name)
    active = count_params(spec).active
    moves = dict(local_moves(spec))
    assert len(moves) >= 7
    assert len(set(moves.values())) == len(moves)
    for words, changed in moves.items():
        times = count_params(changed).active / active
        if words.startswith("larger"):
            assert 1.6 < times < 2.2, words
        elif words.startswith("smaller"):
            assert 0.45 < times < 0.65, words
        else:
            assert times == pytest.approx(1, abs=0.13), words  # widths are multiples of 128, MLA has its own size


def test_windows_may_become_full_attention_of_the_same_parameters():
    spec = find_model("gpt-oss-20b")
    full = dict(local_moves(spec))["windows of 128 → full attention"]
    assert count_params(full) == count_params(spec)
    assert kv_bytes(full, 10_000) > 1.9 * kv_bytes(spec, 10_000)
    assert not [words for words, _ in local_moves(find_model("qwen3-30b-a3b")) if "windows" in words]


def test_finer_experts_keep_both_sizes_and_more_experts_the_active_one():
    spec = find_model("qwen3-30b-a3b")
    moves, before = dict(local_moves(spec)), count_params(spec)
    finer = count_params(moves["k 8 → 16, experts 768 → 384, E 128 → 256"])
    assert finer.routed_experts == before.routed_experts
    assert finer.routed_experts_active == before.routed_experts_active
    twice = count_params(moves["E 128 → 256"])
    assert twice.routed_experts == 2 * before.routed_experts
    assert twice.routed_experts_active == before.routed_experts_active


def test_shared_experts_are_traded_for_routed_ones():
    moves = dict(local_moves(find_model("deepseek-v3")))
    more, none = moves["shared 1 → 2, k 8 → 7"].moe, moves["shared 1 → 0, k 8 → 9"].moe
    assert (more.num_shared_experts, more.top_k, more.d_shared) == (2, 7, 2048)
    assert (none.num_shared_experts, none.top_k, none.d_shared) == (0, 9, 0)


def test_a_dense_design_is_offered_experts_and_latent_attention():
    moves = dict(local_moves(find_model("llama-3.1-8b")))
    assert moves["dense → E 64, top-8, experts 1792"].moe.num_experts == 64
    latent = moves["8 key-value heads → latent attention"].attention
    assert isinstance(latent, LatentAttention)


def test_a_pattern_of_layers_is_kept_by_more_depth():
    longcat = find_model("longcat-flash")
    deeper = scaled(longcat, 1.0, 2.0)
    assert deeper.num_layers == 112
    assert deeper.layers[:2] == longcat.layers[:2]
