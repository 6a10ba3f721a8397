"""Every router against plain loops, and what each promises."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from optimoe.arch.parts import MoE
from optimoe.core.errors import ConfigError, InputError
from optimoe.models.config import LossConfig, ModelConfig, RouterConfig
from optimoe.models.moe import FeedForward, MoELayer
from optimoe.models.routers import make_router
from optimoe.models.routers.assignment import balanced_assignment, sinkhorn
from optimoe.models.routers.hashing import balanced_table
from optimoe.models.routers.reinforce import log_probability_of_sample
from optimoe.models.routing import coactivation, count_load, report
from tests.models import reference
from tests.models.build import ROUTERS, VOCAB, ids_of, make_layer

D = 6


def close(one, other):
    torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-10)


def inputs(num_sequences=2, num_positions=4, seed=1):
    generator = torch.Generator().manual_seed(seed)
    x_BSD = torch.randn(num_sequences, num_positions, D, generator=generator, dtype=torch.float64)
    return x_BSD, ids_of(num_sequences, num_positions)


def gradients(layer, y_BSD, x_BSD):
    weights = list(layer.parameters())
    seed = torch.linspace(-1, 1, y_BSD.numel(), dtype=y_BSD.dtype).view_as(y_BSD)
    return torch.autograd.grad((y_BSD * seed).sum(), [x_BSD, *weights], allow_unused=True)


def compare(layer, x_BSD, ids_BS):
    x_BSD = x_BSD.clone().requires_grad_()
    torch.manual_seed(3)
    y_BSD, routing = layer(x_BSD, ids_BS)
    torch.manual_seed(3)
    want_BSD, choices = reference.moe_layer(layer, x_BSD, ids_BS)
    close(y_BSD, want_BSD)
    assert [sorted(e for e, _ in taken) for taken in choices] == [
        sorted(e for e in row if e >= 0) for row in routing.dispatched_TK.tolist()
    ]
    for ours, theirs in zip(gradients(layer, y_BSD, x_BSD), gradients(layer, want_BSD, x_BSD), strict=True):
        close(ours if ours is not None else torch.zeros(1), theirs if theirs is not None else torch.zeros(1))
    return routing


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("name", ROUTERS)
def test_outputs_and_gradients_are_those_of_plain_loops(name, training):
    layer = make_layer(ROUTERS[name]).train(training)
    compare(layer, *inputs())


def test_one_expert_is_the_dense_layer():
    layer = make_layer(RouterConfig(), num_experts=1, top_k=1)
    dense = FeedForward(D, 5, True, "silu").double()
    dense.w_in.weight.data.copy_(layer.experts.w_in[0].T)
    dense.w_out.weight.data.copy_(layer.experts.w_out[0].T)
    x_BSD, _ = inputs()
    y_BSD, routing = layer(x_BSD)
    assert torch.equal(routing.weight_TK, torch.ones_like(routing.weight_TK))
    torch.testing.assert_close(y_BSD, dense(x_BSD), rtol=1e-14, atol=1e-14)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("name", [name for name, router in ROUTERS.items() if "groups" not in name])
def test_permuting_experts_changes_nothing(name, training):
    if training and (ROUTERS[name].noise or ROUTERS[name].kind == "rl"):
        return  # draws are not permuted
    layer, order = make_layer(ROUTERS[name]).train(training), torch.tensor([2, 0, 3, 1])
    permuted = make_layer(ROUTERS[name]).train(training)
    for tensor in (permuted.experts.w_in, permuted.experts.w_out):
        tensor.data = tensor.data[order]
    router = permuted.router
    if ROUTERS[name].kind == "hash":
        router.table_VK = order.argsort()[router.table_VK]
    else:
        router.weight.data = router.weight.data[order]
    if ROUTERS[name].balanced_by_bias:
        router.balance_bias_E = router.balance_bias_E[order]
    x_BSD, ids_BS = inputs()
    close(layer(x_BSD, ids_BS)[0], permuted(x_BSD, ids_BS)[0])


@pytest.mark.parametrize("name", [name for name in ROUTERS if "capacity" not in name])
def test_no_token_is_lost_without_a_capacity(name):
    router = ROUTERS[name]
    x_BSD, ids_BS = inputs(3, 8)
    _, routing = make_layer(router)(x_BSD, ids_BS)
    seen = report(routing)
    assert seen.dropped == 0
    if router.kind != "expert_choice":
        assert routing.kept_TK.all() and seen.unrouted == 0


@given(
    skew=st.floats(0, 6),
    factor=st.floats(0.1, 4),
    drop=st.sampled_from(["position", "choice", "score"]),
    seed=st.integers(0, 99),
)
@settings(max_examples=40, deadline=None)
def test_with_a_capacity_exactly_the_overflow_is_lost(skew, factor, drop, seed):
    torch.manual_seed(seed)
    router = make_router(
        MoE(num_experts=5, top_k=2, d_expert=4, router_bias=True),
        D,
        VOCAB,
        RouterConfig(capacity_factor=factor, drop=drop),
    )
    router.bias.data = torch.tensor([skew, skew / 2, 0, 0, 0])
    routing = router(torch.randn(3, 7, D))
    slots = min(21, math.ceil(factor * 21 * 2 / 5))
    seen = report(routing)
    assert torch.equal(seen.computed_E, seen.load_E.clamp_max(slots))
    assert seen.dropped == (seen.load_E - slots).clamp_min(0).sum()
    assert (routing.weight_TK[~routing.kept_TK] == 0).all()
    assert (routing.dispatched_TK[~routing.kept_TK] == -1).all()


def test_sinkhorn_marginals_are_uniform_and_loads_nearly():
    torch.manual_seed(0)
    logits_TE = torch.randn(256, 8, dtype=torch.float64) * 2 + torch.linspace(0, 3, 8, dtype=torch.float64)
    plan_TE = sinkhorn(logits_TE, 20)
    torch.testing.assert_close(plan_TE.sum(0), torch.full((8,), 1 / 8, dtype=torch.float64), rtol=1e-12, atol=0)
    torch.testing.assert_close(plan_TE.sum(1), torch.full((256,), 1 / 256, dtype=torch.float64), rtol=1e-3, atol=0)
    greedy, balanced = (count_load(scores.topk(1).indices, 8) for scores in (logits_TE, plan_TE))
    assert balanced.max() < 1.5 * 256 / 8 < greedy.max()


def test_sinkhorn_survives_logits_whose_exponentials_do_not():
    plan_TE = sinkhorn(torch.tensor([[1000.0, 0.0], [900.0, -200.0]]), 50)
    torch.testing.assert_close(plan_TE.sum(0), torch.tensor([0.5, 0.5]), rtol=1e-3, atol=0)


@given(num_tokens=st.integers(1, 12), num_experts=st.integers(1, 5), seed=st.integers(0, 99))
@settings(max_examples=40, deadline=None)
def test_linear_assignment_balances_any_number_of_tokens(num_tokens, num_experts, seed):
    torch.manual_seed(seed)
    expert_TK = balanced_assignment(torch.randn(num_tokens, num_experts) * 10)
    load_E = count_load(expert_TK, num_experts)
    assert load_E.sum() == num_tokens and load_E.max() - load_E.min() <= (num_tokens % num_experts > 0)


def test_balanced_hash_is_exactly_balanced():
    table = balanced_table([3] * 60, 12)
    assert all(table.count(expert) == 5 for expert in range(12))
    router = make_router(MoE(num_experts=8, top_k=2, d_expert=4), D, 64, RouterConfig(kind="hash"))
    load_E = count_load(router(torch.zeros(1, 64, D), torch.arange(64)[None]).expert_TK, 8)
    assert (load_E == 16).all()


@given(counts=st.lists(st.integers(0, 1000), min_size=1, max_size=60), num_experts=st.integers(1, 9))
def test_a_hash_table_of_frequencies_is_as_even_as_its_rarest_tokens_allow(counts, num_experts):
    table = balanced_table(counts, num_experts)
    loads = [0] * num_experts
    last = [0] * num_experts
    for token in sorted(range(len(counts)), key=lambda token: (-counts[token], token)):
        loads[table[token]] += counts[token]
        last[table[token]] = counts[token]
    busiest = max(range(num_experts), key=loads.__getitem__)
    assert max(loads) - min(loads) <= last[busiest]


def test_modulo_hash_takes_the_token_id():
    config = RouterConfig(kind="hash", hash_table="modulo")
    router = make_router(MoE(num_experts=5, top_k=1, d_expert=4), D, VOCAB, config)
    ids_BS = ids_of()
    assert torch.equal(router(torch.zeros(2, 8, D), ids_BS).expert_TK[:, 0], ids_BS.reshape(-1) % 5)


def test_hash_routing_without_ids_is_refused():
    with pytest.raises(InputError, match="ids"):
        make_layer(RouterConfig(kind="hash"))(inputs()[0])


def test_a_policy_samples_by_its_probabilities_and_evaluates_greedily():
    layer = make_layer(RouterConfig(kind="rl"), top_k=1)
    x_BSD = inputs(1, 1)[0].expand(1, 20_000, D)
    torch.manual_seed(0)
    routing = layer.router(x_BSD)
    share_E = count_load(routing.expert_TK, 4) / 20_000
    torch.testing.assert_close(share_E.double(), routing.score_TE[0].detach(), atol=0.015, rtol=0)
    greedy = layer.eval().router(x_BSD)
    assert (greedy.expert_TK == greedy.score_TE[0].argmax()).all()


def test_the_probability_of_a_sample_sums_to_one_over_all_ordered_samples():
    log_policy_E = torch.randn(4, dtype=torch.float64).log_softmax(0)
    pairs = torch.tensor([(i, j) for i in range(4) for j in range(4) if i != j])
    close(log_probability_of_sample(log_policy_E[pairs]).exp().sum(), torch.ones((), dtype=torch.float64))


def test_noise_is_for_training_and_its_scale_is_learned():
    layer, (x_BSD, _) = make_layer(RouterConfig(noise=True)), inputs()
    assert not torch.equal(layer(x_BSD)[1].logits_TE, layer(x_BSD)[1].logits_TE)
    layer(x_BSD)[0].sum().backward()
    assert layer.router.noise_weight.grad.abs().sum() > 0
    layer.eval()
    assert torch.equal(layer(x_BSD)[1].logits_TE, layer(x_BSD)[1].logits_TE)


def test_a_bias_moves_the_choice_and_never_the_gates():
    layer, (x_BSD, _) = make_layer(RouterConfig(balanced_by_bias=True, normalised=False)), inputs()
    layer.router.balance_bias_E[:] = torch.tensor([0.0, 0.0, 0.0, 9.0])
    routing = layer(x_BSD)[1]
    assert (routing.expert_TK == 3).any(1).all()
    close(routing.weight_TK, routing.score_TE.gather(1, routing.expert_TK))


def test_every_expert_takes_the_same_number_of_tokens_under_expert_choice():
    _, routing = make_layer(RouterConfig(kind="expert_choice"))(inputs(3, 8)[0])
    assert (count_load(routing.expert_TK, 4) == 12).all()


def test_the_report_adds_up():
    _, routing = make_layer(RouterConfig(capacity_factor=0.5))(inputs(3, 8)[0])
    seen, pairs_EE = report(routing), coactivation(routing)
    assert seen.load_E.sum() == 48 and seen.computed_E.sum() + seen.dropped == 48
    assert torch.equal(pairs_EE.diagonal(), seen.computed_E) and torch.equal(pairs_EE, pairs_EE.T)
    both = sum(set(row) >= {0, 1} for row in routing.dispatched_TK.tolist())
    assert pairs_EE[0, 1] == both
    probabilities = routing.score_TE
    close(seen.entropy, -(probabilities * probabilities.log()).sum(1).mean())
    assert seen.load_imbalance == seen.load_E.max() * 4 / 48
    assert seen.unrouted == sum(set(row) == {-1} for row in routing.dispatched_TK.tolist())


def test_a_router_computes_in_float32_below_bfloat16_weights_and_autocast():
    layer = make_layer(RouterConfig()).to(torch.bfloat16)
    y_BSD, routing = layer(inputs()[0].to(torch.bfloat16))
    assert y_BSD.dtype == torch.bfloat16 and routing.logits_TE.dtype == torch.float32
    layer = make_layer(RouterConfig()).float()
    x_BSD = inputs()[0].float()
    with torch.autocast("cpu", torch.bfloat16):
        inside = layer.router(x_BSD).logits_TE
    assert torch.equal(inside, layer.router(x_BSD).logits_TE)


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"capacity_factor": 0}, "capacity_factor"),
        ({"kind": "s_base", "capacity_factor": 1.0}, "capacity_factor"),
        ({"kind": "rl", "score": "sigmoid"}, "score"),
        ({"kind": "hash", "balanced_by_bias": True}, "balanced_by_bias"),
        ({"score": "softmax_after", "normalised": False}, "normalised"),
        ({"num_groups": 2, "top_groups": 3}, "top_groups"),
        ({"choice_group": "position"}, "choice_group"),
    ],
)
def test_what_a_router_would_not_read_is_refused(fields, word):
    with pytest.raises(ConfigError, match=word):
        RouterConfig(**fields)


@pytest.mark.parametrize(
    ("part", "fields", "word"),
    [
        ({"num_experts": 4, "top_k": 2}, {"kind": "base"}, "top_k"),
        ({"num_experts": 4, "top_k": 2}, {"num_groups": 3}, "num_groups"),
        ({"num_experts": 4, "top_k": 3}, {"num_groups": 4, "top_groups": 2}, "top_k"),
        ({"num_experts": 4, "top_k": 1}, {"kind": "hash", "token_counts": (1, 2)}, "token_counts"),
    ],
)
def test_a_router_that_does_not_fit_its_experts_is_refused(part, fields, word):
    with pytest.raises(ConfigError, match=word):
        MoELayer(MoE(d_expert=4, **part), D, VOCAB, ModelConfig(router=RouterConfig(**fields)))


@pytest.mark.parametrize(("kind", "loss"), [("s_base", "balance"), ("hash", "z"), ("base", "importance")])
def test_a_loss_that_does_not_apply_is_refused(kind, loss):
    with pytest.raises(ConfigError, match=loss):
        ModelConfig(router=RouterConfig(kind=kind), losses=LossConfig(**{loss: 0.1}))
