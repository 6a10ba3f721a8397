"""Experts that compute nothing: a token computes k on average where all are chosen alike, and K at most."""

from dataclasses import replace

import pytest
import torch

from optimoe.arch.catalog import find_model
from optimoe.arch.params import count_params
from optimoe.arch.parts import MoE
from optimoe.core.errors import ConfigError
from optimoe.models.config import ModelConfig, count_extra_params, count_most_active_params
from optimoe.models.convert.hf import to_hf
from optimoe.models.convert.lifelong import Growth, grow
from optimoe.models.convert.upcycle import upcycle
from optimoe.models.decoder import build
from optimoe.models.losses import Balancer, RunningReport
from optimoe.models.routers import ExpertChoice, TopK
from optimoe.models.routing import report
from tests.models.build import VOCAB, ids_of, make_arch, make_dense, make_layer
from tests.models.comparison import compare, inputs

PART = MoE(num_experts=4, top_k=2, d_expert=8, router_bias=True)  # K = 2·(4 + 4)/4 = 4 of 8
NULLS = TopK(null_experts=4, score="sigmoid", balanced_by_bias=True)


def test_parameters_are_counted_as_stored_as_active_on_average_and_at_most():
    arch, config = make_arch(PART), ModelConfig(router=NULLS)
    model, counted = build(arch, config), count_params(arch)
    extra = count_extra_params(arch, config)
    assert extra == 2 * 4 * (16 + 1)  # rows and biases of four null experts in two layers
    assert sum(p.numel() for p in model.parameters()) == counted.total + extra
    expert = 3 * 16 * 8
    assert count_most_active_params(arch, config) == counted.active + extra + 2 * (4 - 2) * expert
    assert count_most_active_params(arch, ModelConfig()) == counted.active
    chooses = ModelConfig(router=ExpertChoice())
    assert count_most_active_params(arch, chooses) == counted.active + 2 * (4 - 2) * expert


def test_a_token_of_longcat_flash_chooses_12_of_768_of_which_8_compute_on_average():
    part = find_model("longcat-flash").moe
    router = TopK(null_experts=256)
    assert (part.num_experts, part.top_k, router.num_chosen(part)) == (512, 8, 12)


def test_the_experts_that_a_token_computes_are_k_on_average_once_loads_are_even_and_k_of_all_at_most():
    torch.manual_seed(0)
    model = build(make_arch(PART, num_layers=1), ModelConfig(router=NULLS, init_std=0.3))
    balancer, ids_BS = Balancer(model, 0.01), ids_of(16, 16)
    with torch.no_grad():
        for _ in range(100):
            balancer.add(output := model(ids_BS))
            balancer.step()
        running = RunningReport()
        running.add(output := model(ids_BS))
        seen = running.summary()
        assert seen.computed_experts == pytest.approx(PART.top_k, rel=0.03)
        per_token_T = (output.routings[0].dispatched_TK >= 0).sum(dim=1)
        assert per_token_T.min() < 2 < per_token_T.max() <= 4  # one token costs more than another
        model.routers[0].balance_bias_E[4:] = -9
        running.reset()
        running.add(model(ids_BS))
        assert running.summary().computed_experts == NULLS.most_experts(PART) == 4


@pytest.mark.parametrize("drop", ["position", "choice", "score"])
def test_a_capacity_turns_nobody_away_from_an_expert_that_computes_nothing(drop):
    layer = make_layer(TopK(null_experts=4, capacity_factor=0.5, drop=drop, normalised=False))
    routing = compare(layer, *inputs())
    seen = report(routing)
    assert routing.kept_TK[routing.expert_TK >= 4].all() and seen.dropped > 0
    assert torch.equal(seen.computed_E, seen.load_E.clamp_max(2))  # 0.5 · 8 tokens · 2 ÷ 4


def test_no_null_experts_or_only_null_ones_chosen_are_a_plain_layer_and_no_output():
    layer, (x_BSD, ids_BS) = make_layer(TopK(null_experts=4, balanced_by_bias=True)), inputs()
    with torch.no_grad():
        layer.router.balance_bias_E[:] = torch.tensor([0.0] * 4 + [9.0] * 4)
        y_BSD, routing = layer(x_BSD, ids_BS)
        assert not y_BSD.any() and report(routing).unrouted == 8 and report(routing).dropped == 0
        layer.router.balance_bias_E.neg_()
        plain = make_layer(TopK(normalised=True), top_k=4)
        for name in ("w_in", "w_out"):
            getattr(plain.experts, name).copy_(getattr(layer.experts, name))
        plain.router.weight.copy_(layer.router.weight[:4])
        torch.testing.assert_close(layer(x_BSD, ids_BS)[0], plain(x_BSD, ids_BS)[0])


def test_what_cannot_have_null_experts_refuses_them_in_one_line():
    arch, config = make_arch(replace(PART, router_bias=False)), ModelConfig(router=TopK(null_experts=4))
    model, dense = build(arch, config), build(make_dense(8))
    for make, words in (
        (lambda: TopK(null_experts=-1), "null_experts: must be zero or more"),
        (lambda: TopK(null_experts=4, num_groups=2), "null_experts: must be 0 where experts have groups"),
        (lambda: TopK(null_experts=3).build(PART, 16, VOCAB), "÷ num_experts = 4 is whole, got 3"),
        (lambda: to_hf(model, "mixtral"), "null_experts: must be 0 in mixtral, got 4"),
        (lambda: grow(model, Growth(num_new_experts=1)), "null_experts: must be 0 to grow, got 4"),
        (lambda: upcycle(dense, arch, config), "null_experts: must be 0 where experts are pieces"),
    ):
        with pytest.raises(ConfigError, match=words):
            make()
