"""Losses and counters of routing decisions."""

import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import distributed

from optimoe.core.errors import ConfigError
from optimoe.models.balance import (
    IGNORED,
    importance_loss,
    load_balance_loss,
    loads_of,
    over_ranks,
    policy_losses,
    training_loss,
    update_biases,
    z_loss,
)
from optimoe.models.config import LossConfig, ModelConfig
from optimoe.models.decoder import build
from optimoe.models.routers import PolicyGradient, TopK
from optimoe.models.routing import PolicyRouting, Routing, report
from tests.models.build import ROUTERS, VOCAB, ids_of, make_arch, make_layer


def route(logits_TE, **config):
    """The decision on given logits: a router whose weight is the identity."""
    num_experts = logits_TE.shape[1]
    layer = make_layer(TopK(**config), d_model=num_experts, num_experts=num_experts)
    layer.router.weight.data = torch.eye(num_experts, dtype=torch.float64)
    return layer.router(logits_TE[None].double())


@given(
    seed=st.integers(0, 10_000),
    spread=st.sampled_from([1e-3, 1.0, 30.0]),
    shift=st.sampled_from([0.0, -50.0, -800.0, 300.0]),
    score=st.sampled_from(["softmax", "sigmoid"]),
    scope=st.sampled_from(["batch", "sequence"]),
    biased=st.booleans(),
)
@settings(max_examples=80, deadline=None)
def test_no_router_output_lowers_the_balance_loss_below_its_value_in_balance(
    seed, spread, shift, score, scope, biased
):
    generator = torch.Generator().manual_seed(seed)
    logits_TE = torch.randn(12, 4, generator=generator) * spread + shift
    routing = route(logits_TE, score=score, balanced_by_bias=biased)
    loss = load_balance_loss(routing, 3, scope)
    assert 1 <= loss <= 4 and torch.isfinite(loss)
    assert torch.allclose(routing.score_TE.sum(1), torch.ones(12, dtype=torch.float64))


@pytest.mark.parametrize("score", ["softmax", "sigmoid"])
def test_scores_that_underflow_still_have_gradients_towards_balance(score):
    logits_TE = (torch.randn(16, 4) - torch.tensor([0.0, 2, 2, 2]) - 900).double().requires_grad_()
    layer = make_layer(TopK(score=score), d_model=4, num_experts=4, top_k=1)
    layer.router.weight.data = torch.eye(4, dtype=torch.float64)
    routing = layer.router(logits_TE[None])
    loss = load_balance_loss(routing)
    loss.backward()
    assert loss > 1.5 and logits_TE.grad[:, 0].sum() > 1e-3
    assert torch.isfinite(routing.weight_TK).all() and torch.allclose(
        routing.weight_TK.sum(1), torch.ones(16).double()
    )


def test_the_balance_loss_is_that_of_the_switch_transformer():
    torch.manual_seed(0)
    logits_TE = torch.randn(32, 4, dtype=torch.float64) + torch.tensor([1.0, 0, 0, 0])
    probability_TE = logits_TE.softmax(1)
    top_TK = probability_TE.topk(2).indices
    share = [(top_TK == e).sum().item() / 64 for e in range(4)]
    want = 4 * sum(share[e] * probability_TE[:, e].mean().item() for e in range(4))
    assert load_balance_loss(route(logits_TE)).item() == pytest.approx(want, rel=1e-12) and want > 1


def test_one_expert_that_takes_all_costs_e():
    logits_TE = torch.tensor([[60.0, 0, 0, 0]]).repeat(8, 1)
    layer = make_layer(TopK(), d_model=4, num_experts=4, top_k=1)
    layer.router.weight.data = torch.eye(4, dtype=torch.float64)
    assert load_balance_loss(layer.router(logits_TE[None].double())).item() == pytest.approx(4)


def test_sequences_that_balance_only_together_are_seen_by_the_sequence_loss():
    logits_TE = torch.cat(
        [torch.tensor([[9.0, 9, 0, 0]]).repeat(6, 1), torch.tensor([[0.0, 0, 9, 9]]).repeat(6, 1)]
    )
    routing = route(logits_TE)
    assert load_balance_loss(routing, 2, "batch").item() == pytest.approx(1)
    assert load_balance_loss(routing, 2, "sequence").item() == pytest.approx(2, rel=1e-3)


def test_z_and_importance_losses_by_hand():
    logits_TE = torch.randn(10, 4, dtype=torch.float64)
    routing = route(logits_TE, normalised=False)
    z = sum(torch.log(sum(torch.exp(value) for value in row)) ** 2 for row in logits_TE) / 10
    assert z_loss(routing).item() == pytest.approx(z.item(), rel=1e-12)
    importance = [0.0] * 4
    for row in logits_TE.softmax(1):
        for e in row.topk(2).indices.tolist():
            importance[e] += row[e].item()
    mean = sum(importance) / 4
    want = sum((value - mean) ** 2 for value in importance) / 4 / mean**2
    assert importance_loss(routing).item() == pytest.approx(want, rel=1e-12)


def test_losses_are_of_the_decision_that_is_dispatched():
    """A capacity changes what is computed, and neither what was chosen nor its loss."""
    logits_TE = torch.randn(12, 4) + torch.tensor([3.0, 0, 0, 0])
    dropping, dropless = route(logits_TE, capacity_factor=0.5), route(logits_TE)
    assert report(dropping).dropped > 0 and load_balance_loss(dropping) == load_balance_loss(dropless)
    assert importance_loss(dropping) != importance_loss(dropless)  # gates of what is computed


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("name", ROUTERS)
def test_dispatch_losses_and_metrics_read_one_decision(name, training):
    """Groups, biases, capacities and draws: what an expert computes is what is counted and weighed."""
    layer = make_layer(ROUTERS[name]).train(training)
    x_BSD = torch.randn(3, 8, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    parts_ETD = []
    for expert in range(4):  # one expert speaks at a time
        alone = copy.deepcopy(layer)
        alone.experts.w_out.data[torch.arange(4) != expert] = 0
        torch.manual_seed(5)
        y_BSD, routing = alone(x_BSD, ids_of(3, 8))
        parts_ETD.append(y_BSD.detach().flatten(0, 1))
    spoke_ET = torch.stack(parts_ETD).abs().amax(dim=2) > 0
    dispatched_ET = torch.stack([(routing.dispatched_TK == expert).any(dim=1) for expert in range(4)])
    assert torch.equal(spoke_ET, dispatched_ET)
    seen = report(routing)
    assert torch.equal(seen.computed_E, spoke_ET.sum(dim=1))
    share_E = seen.load_E.double() / seen.load_E.sum()
    want = max(1.0, 4 * (share_E * routing.score_TE.mean(dim=0)).sum().item())
    assert load_balance_loss(routing).item() == pytest.approx(want, rel=1e-12)


def test_a_planted_imbalance_in_one_layer_is_seen():
    model = build(make_arch(num_layers=3))
    ids_BS = ids_of(4, 16)
    with torch.no_grad():
        model.blocks[1].ffn_norm.weight.zero_()[0] = 1  # the router then sees one channel
        model.blocks[1].ffn.router.weight[:, 0] = torch.tensor([9.0, 5.0, -9.0, -9.0])
        model.embedding.weight[:, 0] = 3
    losses = training_loss(model(ids_BS), ids_BS, LossConfig())
    balance = {layer: each.balance.item() for layer, each in losses.layers.items()}
    assert balance[1] > 1.9 > 1.3 > max(balance[0], balance[2])


@pytest.mark.parametrize("scope", ["batch", "sequence", "global"])
def test_the_total_is_the_weighted_mean_over_layers(scope):
    config = LossConfig(balance=0.1, z=0.01, importance=0.2, scope=scope)
    model, ids_BS = build(make_arch()), ids_of()
    loss = training_loss(model(ids_BS), ids_BS, config)
    extra = sum(0.1 * x.balance + 0.01 * x.z + 0.2 * x.importance for x in loss.layers.values()) / 2
    torch.testing.assert_close(loss.total, loss.language + extra)
    want = torch.nn.functional.cross_entropy(model(ids_BS).logits_BSV.flatten(0, 1), ids_BS.flatten())
    torch.testing.assert_close(loss.language, want)


def test_ignored_targets_take_no_part():
    model, ids_BS = build(make_arch()).eval(), ids_of()
    targets_BS = ids_BS.clone()
    targets_BS[:, 5:] = IGNORED
    whole = training_loss(model(ids_BS), targets_BS, LossConfig()).language
    part = training_loss(model(ids_BS[:, :5]), ids_BS[:, :5], LossConfig()).language
    torch.testing.assert_close(whole, part)


def test_counters_count_once_when_activations_are_recomputed():
    config = ModelConfig(router=TopK(balanced_by_bias=True, noise=True), losses=LossConfig(balance=0.01))
    model, ids_BS = build(make_arch(), config), ids_of()
    results = []
    for recompute in (False, True):
        model.zero_grad()
        torch.manual_seed(0)
        output = model(ids_BS, recompute=recompute)
        training_loss(output, ids_BS, config.losses).total.backward()
        grads = [p.grad.clone() for p in model.parameters()]
        results.append((loads_of(output), grads, [b.clone() for b in model.buffers()]))
    (plain, plain_grads, buffers), (again, again_grads, buffers_again) = results
    for layer in (0, 1):
        assert plain[layer].sum() == 32 and torch.equal(plain[layer], again[layer])
    torch.testing.assert_close(plain_grads, again_grads)
    assert all(torch.equal(one, other) for one, other in zip(buffers, buffers_again, strict=True))


@pytest.mark.parametrize("score", ["softmax", "softmax_after", "sigmoid"])
def test_the_bias_balances_with_any_score_function(score):
    torch.manual_seed(0)
    config = ModelConfig(router=TopK(score=score, balanced_by_bias=True))
    model = build(make_arch(num_layers=1), config)
    ids_BS = ids_of(16, 32)
    with torch.no_grad():
        model.embedding.weight.normal_()
        model.blocks[0].ffn.router.weight.normal_(std=0.3)
        model.blocks[0].ffn.router.weight[0] += 0.3
        before = report(model(ids_BS).routings[0]).load_imbalance
        for step in range(150):
            update_biases(model, loads_of(model(ids_BS)), 0.04 * (1 - step / 150))
        after = report(model(ids_BS).routings[0]).load_imbalance
    assert before > 1.15 and after < 1.06


def test_moving_a_bias_that_is_not_there_is_refused():
    model = build(make_arch())
    with pytest.raises(ConfigError, match="balanced_by_bias"):
        update_biases(model, loads_of(model(ids_of())), 0.01)


def test_reinforce_follows_the_reward():
    """Of two experts the rewarded one becomes likelier; the baseline learns the mean reward."""
    torch.manual_seed(0)
    layer = make_layer(PolicyGradient(), num_experts=2, top_k=1, d_model=3)
    layer.router.reset_parameters()
    optimizer = torch.optim.Adam(layer.router.parameters(), lr=0.05)
    x_BSD = torch.ones(1, 64, 3, dtype=torch.float64)
    for _ in range(100):
        routing = layer.router(x_BSD)
        reward_T = (routing.expert_TK[:, 0] == 1).double() * 2
        policy, baseline, _ = policy_losses(routing, reward_T, torch.ones(64, dtype=torch.bool))
        optimizer.zero_grad()
        (policy + baseline).backward()
        optimizer.step()
    assert routing.score_TE[0, 1] > 0.95 and routing.baseline_T[0].item() == pytest.approx(2, abs=0.3)


def test_reinforce_gradients_by_hand():
    logits_TE = torch.randn(5, 3, dtype=torch.float64, requires_grad=True)
    log_policy_TE = logits_TE.log_softmax(1)
    expert_TK = torch.tensor([[0], [1], [2], [1], [0]])
    baseline_T, reward_T = torch.randn(5, dtype=torch.float64), torch.randn(5, dtype=torch.float64)
    routing = PolicyRouting(
        expert_TK=expert_TK,
        weight_TK=torch.ones(5, 1),
        score_TE=log_policy_TE.exp(),
        logits_TE=log_policy_TE,
        kept_TK=torch.ones(5, 1, dtype=torch.bool),
        log_prob_T=log_policy_TE.gather(1, expert_TK).squeeze(1),
        baseline_T=baseline_T,
    )
    policy, baseline, negative_entropy = policy_losses(routing, reward_T, torch.ones(5, dtype=torch.bool))
    policy.backward()
    onehot_TE = torch.nn.functional.one_hot(expert_TK[:, 0], 3)
    want_TE = -(reward_T - baseline_T)[:, None] * (onehot_TE - logits_TE.softmax(1)) / 5
    torch.testing.assert_close(logits_TE.grad, want_TE)
    torch.testing.assert_close(baseline, ((reward_T - baseline_T) ** 2).mean())
    entropy = torch.distributions.Categorical(logits=logits_TE).entropy().mean()
    torch.testing.assert_close(negative_entropy, -entropy)


@pytest.fixture
def world(tmp_path):
    """A process group of one rank."""
    store = distributed.FileStore(str(tmp_path / "store"), 1)
    distributed.init_process_group("gloo", store=store, rank=0, world_size=1)
    yield distributed.group.WORLD
    distributed.destroy_process_group()


def test_loads_are_summed_over_ranks(world):
    load_E = torch.tensor([1.0, 2.0])
    assert over_ranks(load_E, None) is load_E
    assert torch.equal(over_ranks(load_E, world), load_E)
    routing = route(torch.randn(8, 4))
    assert load_balance_loss(routing, 1, "global", world) == load_balance_loss(routing, 1, "batch")


def test_loads_are_summed_over_the_group_that_is_passed(world, monkeypatch):
    """Another rank's loads, all on expert 0, come in through that group alone; those of this rank stay."""
    group, sums = distributed.new_group([0]), []

    def all_reduce(load, group):
        sums.append(group)
        load[..., 0] += 6

    monkeypatch.setattr(distributed, "all_reduce", all_reduce)
    load_E = torch.tensor([1.0, 2.0])
    assert over_ranks(load_E, group).tolist() == [7, 2] and load_E.tolist() == [1, 2]
    model, ids_BS = build(make_arch()), ids_of()
    config = LossConfig(balance=0.1, scope="global")
    alone, together = (training_loss(model(ids_BS), ids_BS, config, ranks) for ranks in (None, group))
    assert sums == [group] * 3 and alone.layers[0].balance != together.layers[0].balance


def test_a_global_scope_without_its_group_is_refused_among_several_ranks(world, monkeypatch):
    monkeypatch.setattr(distributed, "get_world_size", lambda: 2)
    with pytest.raises(ConfigError, match="group: must be given"):
        load_balance_loss(route(torch.randn(8, 4)), 1, "global")


def test_a_decision_is_found_by_wrappers_of_modules():
    flat, _ = torch.utils._pytree.tree_flatten(route(torch.randn(4, 4)))
    assert len(flat) == 5 and all(isinstance(leaf, torch.Tensor) for leaf in flat)
    assert isinstance(route(torch.randn(4, 4)), Routing) and VOCAB


def test_a_bias_keeps_its_precision_in_a_model_of_16_bits():
    router = make_layer(TopK(balanced_by_bias=True)).float().router
    router.balance_bias_E += torch.arange(router.num_experts) * 0.001234
    exact = router.balance_bias_E.clone()
    router.bfloat16()
    assert router.weight.dtype == torch.bfloat16
    assert torch.equal(router.balance_bias_E, exact)
    assert router.double().balance_bias_E.dtype == torch.float64
    assert router.to("meta").balance_bias_E.is_meta
