"""The training loss of a forward pass."""

import warnings
from dataclasses import replace

import pytest
import torch

from optimoe.arch.parts import MoE
from optimoe.models.config import LayerRouter, LossConfig, ModelConfig
from optimoe.models.decoder import build
from optimoe.models.losses import IGNORED, training_loss
from optimoe.models.routers import Hash, PolicyGradient, SBase, TopK
from optimoe.models.routing import load_of
from tests.models.build import ROUTERS, ids_of, make_arch, top_k_of

RL_R = PolicyGradient()


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


@pytest.mark.parametrize("scope", ["batch", "sequence", "global", "step"])
def test_the_total_is_the_weighted_mean_over_layers(scope):
    config = LossConfig(balance=0.1, z=0.01, importance=0.2, scope=scope)
    model, ids_BS = build(make_arch()), ids_of()
    loss = training_loss(model(ids_BS), ids_BS, config)
    extra = sum(0.1 * x.balance + 0.01 * x.z + 0.2 * x.importance for x in loss.layers.values()) / 2
    torch.testing.assert_close(loss.total, loss.language + extra)
    want = torch.nn.functional.cross_entropy(model(ids_BS).logits_BSV.flatten(0, 1), ids_BS.flatten())
    torch.testing.assert_close(loss.language, want)


def test_a_loss_is_the_mean_over_the_layers_whose_router_has_it():
    """Weights and what they weigh are the same beside layers that hash, balance by themselves or sample."""
    losses = LossConfig(balance=0.1, z=0.01, importance=0.2, policy=0.3, baseline=0.4, entropy=0.5)
    others = [LayerRouter(layers=(layer,), router=router) for layer, router in enumerate((Hash(), SBase(), RL_R))]
    model, ids_BS = (
        build(make_arch(num_layers=4), ModelConfig(layer_routers=tuple(others), losses=losses)),
        ids_of(),
    )
    loss = training_loss(model(ids_BS), ids_BS, losses)
    having = {
        "balance": (2, 3),
        "importance": (2, 3),
        "z": (1, 2, 3),
        "policy": (2,),
        "baseline": (2,),
        "entropy": (2,),
    }
    total = loss.language
    for name, layers in having.items():
        value = {layer: float(getattr(each, name)) for layer, each in loss.layers.items()}
        assert {layer for layer, it in value.items() if it} == set(layers), name
        total = total + getattr(losses, name) * sum(value.values()) / len(layers)
    torch.testing.assert_close(loss.total.detach(), total)


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
        loads = {layer: load_of(routing) for layer, routing in output.routings.items()}
        results.append((loads, grads, [b.clone() for b in model.buffers()]))
    (plain, plain_grads, buffers), (again, again_grads, buffers_again) = results
    for layer in (0, 1):
        assert plain[layer].sum() == 32 and torch.equal(plain[layer], again[layer])
    torch.testing.assert_close(plain_grads, again_grads)
    assert all(torch.equal(one, other) for one, other in zip(buffers, buffers_again, strict=True))


@pytest.mark.parametrize("name", ROUTERS)
def test_padding_is_in_no_loss_of_any_router(name):
    """Logits and decisions with a padded row give the losses of the other row alone."""
    torch.manual_seed(0)
    router = ROUTERS[name]
    weights = {"balance": 0.5, "importance": 0.3} if not router.balanced_by_routing else {}
    config = LossConfig(z=0.1 * router.learned, logit_z=0.1, **weights)
    part = MoE(num_experts=4, top_k=top_k_of(router), d_expert=8)
    output = build(make_arch(part), ModelConfig(router=router, init_std=0.3)).double()(ids_of(2, 8))
    padding_BS = torch.zeros(2, 8, dtype=torch.int64)
    padding_BS[1] = -1
    targets_BS = ids_of(2, 8, 1)
    padded = training_loss(output, targets_BS, config, document_BS=padding_BS)
    first = {
        layer: replace(routing, **{k: v[:8] for k, v in vars(routing).items() if isinstance(v, torch.Tensor)})
        for layer, routing in output.routings.items()
    }
    alone = training_loss(
        replace(output, logits_BSV=output.logits_BSV[:1], routings=first), targets_BS[:1], config
    )
    torch.testing.assert_close(padded.total, alone.total)
    for ours, theirs in zip(padded.layers.values(), alone.layers.values(), strict=True):
        torch.testing.assert_close(list(vars(ours).values()), list(vars(theirs).values()))
    assert vars(padded.num_valid) == vars(alone.num_valid)


def test_a_prompt_is_balanced_and_has_no_language_loss():
    torch.manual_seed(0)
    model, ids_BS = build(make_arch(), ModelConfig(init_std=0.3)), ids_of()
    targets_BS = ids_BS.clone()
    targets_BS[:, :6] = IGNORED
    prompted, plain = (training_loss(model(ids_BS), t, LossConfig(balance=0.1)) for t in (targets_BS, ids_BS))
    assert prompted.layers == plain.layers and prompted.language != plain.language
    assert (prompted.num_valid.targets, prompted.num_valid.tokens) == (4, 16)


def test_what_is_logged_has_no_gradient_and_warns_of_nothing():
    model, ids_BS = build(make_arch()), ids_of()
    loss = training_loss(model(ids_BS), ids_BS, LossConfig(balance=0.1, logit_z=0.1))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        shown = [float(loss.language), float(loss.logit_z), *(float(x.balance) for x in loss.layers.values())]
    assert all(shown) and loss.total.requires_grad


def test_the_z_loss_of_logits_is_that_of_palm():
    model, ids_BS = build(make_arch()), ids_of()
    targets_BS = ids_BS.clone()
    targets_BS[0] = IGNORED
    output = model(ids_BS)
    loss = training_loss(output, targets_BS, LossConfig(logit_z=0.3))
    want = output.logits_BSV[1].logsumexp(-1).square().mean()
    torch.testing.assert_close(loss.logit_z, want.detach())
    torch.testing.assert_close(loss.total.detach(), loss.language + 0.3 * want.detach())


def test_an_evaluation_has_no_terms_of_a_policy():
    config = ModelConfig(router=PolicyGradient())
    model, ids_BS = build(make_arch(), config), ids_of()
    trained = training_loss(model(ids_BS), ids_BS, config.losses)
    held_out = training_loss(model.eval()(ids_BS), ids_BS, config.losses)
    assert trained.total != trained.language
    assert held_out.total == held_out.language
