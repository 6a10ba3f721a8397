"""Losses that balance experts, of one decision."""

import copy
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from optimoe.models.losses.balance import importance_loss, load_balance_loss, routing_sums, z_loss
from optimoe.models.routers import TopK
from optimoe.models.routing import load_of, report
from tests.models.build import ROUTERS, ids_of, make_layer


def sums(routing, num_sequences=1):
    """The sums over each of so many sequences."""
    group_T = torch.arange(num_sequences).repeat_interleave(len(routing.expert_TK) // num_sequences)
    return routing_sums(routing, group_T, num_sequences)


def balance(routing, num_sequences=1):
    return load_balance_loss(sums(routing, num_sequences))


def importance(routing):
    return importance_loss(sums(routing))


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
    loss = balance(routing, 3 if scope == "sequence" else 1).mean()
    assert 1 <= loss <= 4 and torch.isfinite(loss)
    assert torch.allclose(routing.score_TE.sum(1), torch.ones(12, dtype=torch.float64))


@pytest.mark.parametrize("score", ["softmax", "sigmoid"])
def test_scores_that_underflow_still_have_gradients_towards_balance(score):
    torch.manual_seed(0)
    logits_TE = (torch.randn(16, 4) - torch.tensor([0.0, 2, 2, 2]) - 900).double().requires_grad_()
    of_one = TopK(score=score, normalised=True, gates_of_one=True)
    layer = make_layer(of_one, d_model=4, num_experts=4, top_k=1)
    layer.router.weight.data = torch.eye(4, dtype=torch.float64)
    routing = layer.router(logits_TE[None])
    loss = balance(routing)
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
    assert balance(route(logits_TE)).item() == pytest.approx(want, rel=1e-12) and want > 1


def test_one_expert_that_takes_all_costs_e():
    logits_TE = torch.tensor([[60.0, 0, 0, 0]]).repeat(8, 1)
    layer = make_layer(TopK(), d_model=4, num_experts=4, top_k=1)
    layer.router.weight.data = torch.eye(4, dtype=torch.float64)
    assert balance(layer.router(logits_TE[None].double())).item() == pytest.approx(4)


def test_sequences_that_balance_only_together_are_seen_by_the_sequence_loss():
    logits_TE = torch.cat(
        [torch.tensor([[9.0, 9, 0, 0]]).repeat(6, 1), torch.tensor([[0.0, 0, 9, 9]]).repeat(6, 1)]
    )
    routing = route(logits_TE)
    assert balance(routing).item() == pytest.approx(1)
    assert balance(routing, 2).mean().item() == pytest.approx(2, rel=1e-3)


def test_z_and_importance_losses_by_hand():
    logits_TE = torch.randn(10, 4, dtype=torch.float64)
    routing = route(logits_TE, normalised=False)
    z = sum(torch.log(sum(torch.exp(value) for value in row)) ** 2 for row in logits_TE) / 10
    assert z_loss(routing).item() == pytest.approx(z.item(), rel=1e-12)
    importance_E = [0.0] * 4
    for row in logits_TE.softmax(1):
        for e in row.topk(2).indices.tolist():
            importance_E[e] += row[e].item()
    mean = sum(importance_E) / 4
    want = sum((value - mean) ** 2 for value in importance_E) / 4 / mean**2
    assert importance(routing).item() == pytest.approx(want, rel=1e-12)


def test_losses_are_of_the_decision_that_is_dispatched():
    """A capacity changes what is computed, and neither what was chosen nor its loss."""
    logits_TE = torch.randn(12, 4) + torch.tensor([3.0, 0, 0, 0])
    dropping, dropless = route(logits_TE, capacity_factor=0.5), route(logits_TE)
    assert report(dropping).dropped > 0 and balance(dropping) == balance(dropless)
    assert importance(dropping) != importance(dropless)  # gates of what is computed


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
    load_E = load_of(routing).double()
    share_E = load_E / load_E.sum()
    want = max(1.0, len(load_E) * (share_E * routing.score_TE.mean(dim=0)).sum().item())
    assert balance(routing).item() == pytest.approx(want, rel=1e-12)


@pytest.mark.parametrize("name", ROUTERS)
def test_padding_is_in_no_balance_loss_of_any_router_and_gets_no_gradient(name):
    """Losses and gradients of 16 tokens followed by 8 of padding, which hold NaN, are those of the 16 alone."""
    layer = make_layer(ROUTERS[name])
    x_BSD = torch.randn(3, 8, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    _, whole = layer(x_BSD, ids_of(3, 8))
    valid_T = torch.arange(24) < 16

    def losses(alone):
        rows = {k: v[:16] if alone else v.clone() for k, v in vars(whole).items() if isinstance(v, torch.Tensor)}
        leaves = {k: rows[k].detach().clone() for k in ("logits_TE", "score_TE", "weight_TK")}
        for leaf in leaves.values():
            leaf[16:] = torch.nan
            leaf.requires_grad_()
        routing = replace(whole, **(rows | leaves), valid_T=None if alone else valid_T)
        each = torch.stack([balance(routing)[0], importance(routing)[0], z_loss(routing)])
        return each.detach(), torch.autograd.grad(each.sum(), list(leaves.values()))

    (one, one_grad), (other, other_grad) = losses(False), losses(True)
    torch.testing.assert_close(one, other)
    for padded, alone in zip(one_grad, other_grad, strict=True):
        torch.testing.assert_close(padded[:16], alone)
        assert not padded[16:].any()
