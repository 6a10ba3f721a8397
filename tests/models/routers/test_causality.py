"""Whether a router sees the future is measured, and its label says what was measured."""

from dataclasses import replace

import pytest
import torch

from optimoe.arch.parts import MoE
from optimoe.core.errors import ConfigError
from optimoe.models.config import LossConfig, ModelConfig
from optimoe.models.decoder import build
from optimoe.models.losses import RunningReport, Step, count_valid, training_loss
from optimoe.models.peer.layer import PEERLayer
from optimoe.models.routers import TopK, find_router
from optimoe.models.routers.causality import future_leak
from optimoe.models.routing import report
from tests.models.build import ALONE, ROUTERS, ids_of, make_arch, make_layer, top_k_of
from tests.models.shapes import ARCHS


def measured_leak(router, training, tries=6):
    """The largest leak over batches in which tokens compete."""
    layer = make_layer(router).train(training)
    leak = 0.0
    for seed in range(tries):
        generator = torch.Generator().manual_seed(seed)
        one, other = (torch.randn(3, 8, 6, generator=generator, dtype=torch.float64) for _ in range(2))
        if router.kind == "hash":
            leak = max(
                leak, future_leak(lambda ids, x_BSD=one: layer(x_BSD, ids)[0], ids_of(3, 8, 1), ids_of(3, 8, 2))
            )
        else:
            leak = max(leak, future_leak(lambda x_BSD: layer(x_BSD)[0], one, other))
    return leak


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("name", ROUTERS)
def test_the_label_is_what_the_probe_finds(name, training):
    router = ROUTERS[name]
    layer = make_layer(router)
    label = layer.router.causal_training if training else layer.router.causal
    leak = measured_leak(router, training)
    assert (leak < 1e-12) == label, f"leaks {leak:g}"


@pytest.mark.parametrize("name", ROUTERS)
def test_a_router_decides_alone_where_no_other_token_changes_its_choice(name):
    layer = make_layer(ROUTERS[name]).eval()
    x_BSD, ids_BS = (
        torch.randn(3, 8, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64),
        ids_of(3, 8),
    )
    together = layer(x_BSD, ids_BS)[0].flatten(0, 1)
    tokens = zip(x_BSD.flatten(0, 1), ids_BS.flatten(), strict=True)
    alone = torch.cat([layer(x_D[None, None], id[None, None])[0][0] for x_D, id in tokens])
    assert layer.router.decides_alone == bool((together - alone).abs().max() < 1e-12)


@pytest.mark.parametrize("name", ROUTERS)
def test_a_model_that_sees_the_future_is_refused_for_evaluation(name):
    router = ROUTERS[name]
    arch = make_arch(MoE(num_experts=4, top_k=top_k_of(router), d_expert=8))
    model = build(arch, ModelConfig(router=router))
    ids_BS, other_BS = ids_of(3, 8, 1), ids_of(3, 8, 2)
    assert model(ids_BS).logits_BSV.shape == (3, 8, 24)
    model.eval()
    if model.routers[0].causal:
        assert future_leak(lambda ids: model(ids).logits_BSV, ids_BS, other_BS) < 1e-5
    else:
        remedy = {"drop": "position"} if router.kind == "top_k" else {"evaluation": "token_choice"}
        with pytest.raises(ConfigError, match=f"set {next(iter(remedy))}"):
            model(ids_BS)
        model = build(arch, ModelConfig(router=replace(router, **remedy))).eval()
        assert future_leak(lambda ids: model(ids).logits_BSV, ids_BS, other_BS) < 1e-5


KINDS = {  # causal in training, and as published at evaluation
    "top_k": (True, True),
    "hash": (True, True),
    "policy_gradient": (True, True),
    "expert_choice": (False, False),
    "s_base": (False, True),
    "base": (False, True),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_says_whether_it_is_causal(kind):
    layer = make_layer(find_router(kind)(), top_k=1)
    assert (layer.router.causal_training, layer.router.causal) == KINDS[kind]
    if KINDS[kind][0]:
        return
    config = ModelConfig(router=find_router(kind)(evaluation="as_trained"))
    model = build(make_arch(MoE(num_experts=4, top_k=1, d_expert=8)), config).eval()
    with pytest.raises(ConfigError, match=f"{kind} of layer 0 sees later tokens"):
        model(ids_of())


DOCUMENT_BS = torch.tensor([[-1, 3, 3, 3, -1, 0, 0, 1, -1], [2, 2, 4, 4, 4, 4, -1, -1, 5]])


def leak_of_documents(arch, config, training=True):
    torch.manual_seed(0)
    model = build(arch, replace(config, init_std=0.3)).double().train(training)
    ids_BS, other_BS = ids_of(2, 9, 1), ids_of(2, 9, 2)
    return future_leak(
        lambda ids: model(ids, document_BS=DOCUMENT_BS).logits_BSV, ids_BS, other_BS, document_BS=DOCUMENT_BS
    )


@pytest.mark.parametrize("name", ARCHS)
def test_no_mixer_and_no_feed_forward_sees_later_tokens_other_documents_or_padding(name):
    assert leak_of_documents(ARCHS[name], ModelConfig()) < 1e-12


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("name", ALONE)
def test_no_causal_router_sees_later_tokens_other_documents_or_padding(name, training):
    router = ROUTERS[name]
    part = MoE(num_experts=4, top_k=top_k_of(router), d_expert=8)
    given = (make_arch(part), ModelConfig(router=router), training)
    if router.causal_training if training else router.causal:
        assert leak_of_documents(*given) < 1e-12
    elif training:
        assert leak_of_documents(*given) > 1e-6


@pytest.mark.parametrize("query_norm", ["layernorm", "batchnorm"])
def test_a_batch_norm_of_queries_is_found_to_see_the_future(query_norm):
    torch.manual_seed(0)
    layer = PEERLayer(6, num_keys=5, num_heads=2, top_k=3, d_key=4, query_norm=query_norm).double()
    one, other = torch.randn(2, 2, 6, 6, dtype=torch.float64).unbind()
    leak = future_leak(lambda x_BSD: layer(x_BSD.flatten(0, 1))[0].view_as(x_BSD), one, other)
    assert (leak < 1e-12) == (query_norm == "layernorm")


def test_the_probe_finds_a_document_that_is_not_kept_apart():
    model = build(make_arch(), ModelConfig(init_std=0.3)).double()
    ids_BS, other_BS = ids_of(2, 9, 1), ids_of(2, 9, 2)
    assert future_leak(lambda ids: model(ids).logits_BSV, ids_BS, other_BS) < 1e-12
    assert future_leak(lambda ids: model(ids).logits_BSV, ids_BS, other_BS, document_BS=DOCUMENT_BS) > 1e-3


def test_the_probe_finds_a_planted_leak():
    def peeks(x_BS):
        return x_BS + x_BS.mean(dim=1, keepdim=True)

    one, other = torch.randn(2, 5), torch.randn(2, 5)
    assert future_leak(peeks, one, other) > 0.1
    assert future_leak(lambda x_BS: x_BS.cumsum(1) + torch.rand(2, 5), one, other) < 1e-6
    assert TopK().kind == "top_k"


@pytest.mark.parametrize("name", ROUTERS)
def test_whatever_is_logged_of_a_training_step_names_the_layers_that_saw_the_future(name):
    router, ids_BS = ROUTERS[name], ids_of()
    part = MoE(num_experts=4, top_k=top_k_of(router), d_expert=8)
    model = build(make_arch(part), ModelConfig(router=router))
    running, step = RunningReport(), Step([count_valid(ids_BS)])
    output = model(ids_BS)
    running.add(output)
    step.add(training_loss(output, ids_BS, LossConfig(), step))
    leaky = () if router.causal_training else (0, 1)
    assert model.leaky_layers == output.leaky_layers == leaky
    assert running.summary().leaky_layers == step.value().leaky_layers == leaky
    assert all(report(routing).leaky == bool(leaky) for routing in output.routings.values())
    assert model(ids_BS, replay=output.routings).leaky_layers == leaky
    if router.causal:
        assert model.eval()(ids_BS).leaky_layers == ()
