"""How models start: feed-forwards as large as the dense one, routers with a gradient, scales as asked."""

import math
from dataclasses import replace

import pytest
import torch

from optimoe.arch.parts import PEER, Attention, DenseFFN, MoE
from optimoe.arch.spec import ArchSpec, LayerGroup
from optimoe.core.errors import ConfigError
from optimoe.models.config import LossConfig, ModelConfig
from optimoe.models.decoder import build
from optimoe.models.experts.activations import ACTIVATIONS, find_activation
from optimoe.models.initial import hidden_rms
from optimoe.models.losses.training import training_loss
from optimoe.models.moe import MoELayer
from optimoe.models.peer.layer import PEERLayer
from optimoe.models.routers import TopK, find_router, router_kinds
from tests.models.build import ROUTERS, make_arch, top_k_of
from tests.models.shapes import FFNS, MIXERS

VOCAB = 64


def model_of(ffn, config=None, d_model=64, num_layers=2, **group):
    torch.manual_seed(0)
    mixer = Attention(num_heads=4, num_kv_heads=2, head_dim=d_model // 4)
    layers = (LayerGroup(num_layers=num_layers, mixer=mixer, ffn=ffn, **group),)
    return build(ArchSpec(name="t", vocab_size=VOCAB, d_model=d_model, layers=layers), config)


def start_rms(model):
    """The rms of what the feed-forward of the first layer adds to the stream, in training."""
    seen = []
    hook = model.blocks[0].ffn.register_forward_hook(
        lambda _module, _inputs, output: seen.append(output[0] if isinstance(output, tuple) else output)
    )
    ids_BS = torch.randint(0, VOCAB, (8, 32), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        model(ids_BS)
    hook.remove()
    return float(seen[0].square().mean().sqrt())


WIDTHS = (32, 64, 256)
DENSE = {D: start_rms(model_of(DenseFFN(d_ff=4 * D), d_model=D)) for D in WIDTHS}


def as_dense(ffn, config=None, d_model=64, **group):
    rms = start_rms(model_of(ffn, config, d_model, **group))
    assert 0.5 < rms / DENSE[d_model] < 2, rms / DENSE[d_model]


def test_the_dense_feed_forward_starts_as_in_gpt_2():
    model = model_of(DenseFFN(d_ff=256), num_layers=4)
    assert float(model.blocks[0].ffn.w_out.weight.detach().std()) == pytest.approx(0.02 / math.sqrt(8), rel=0.03)
    assert start_rms(model) == pytest.approx(0.00147, rel=0.15)


@pytest.mark.parametrize("d_model", WIDTHS)
@pytest.mark.parametrize("name", [name for name in FFNS if name != "dense"])
def test_every_kind_of_feed_forward_starts_as_large_as_the_dense_one(name, d_model):
    ffn = FFNS[name]
    as_dense(replace(ffn, d_ff=4 * d_model) if isinstance(ffn, DenseFFN) else ffn, d_model=d_model)


@pytest.mark.parametrize(
    ("num_experts", "top_k", "d_expert"), [(8, 1, 256), (8, 2, 128), (64, 8, 32), (256, 8, 8)]
)
@pytest.mark.parametrize("name", ROUTERS)
def test_every_router_starts_as_large_as_the_dense_one(name, num_experts, top_k, d_expert):
    router = ROUTERS[name]
    one = router.kind == "top_k" and router.score == "softmax_after"  # whose gates of one expert are all 1
    if top_k_of(router) == 1 < top_k or (one and top_k == 1):
        return
    if "null" in name:
        router = replace(router, null_experts=num_experts)
    as_dense(MoE(num_experts=num_experts, top_k=top_k, d_expert=d_expert), ModelConfig(router=router))


@pytest.mark.parametrize(
    "part",
    [
        PEER(num_keys=32, num_heads=8, top_k=16, d_key=32),
        PEER(num_keys=16, num_heads=1, top_k=2, d_key=8),
        PEER(num_keys=32, num_heads=2, top_k=32, d_key=64, query_norm=False),
    ],
)
@pytest.mark.parametrize("d_model", WIDTHS)
def test_product_keys_of_any_size_start_as_large_as_the_dense_one(part, d_model):
    as_dense(part, d_model=d_model)


def test_what_is_beside_routed_experts_starts_as_large_as_they():
    part = MoE(num_experts=16, top_k=4, d_expert=32, num_shared_experts=1, d_shared=128, shared_gate=True)
    as_dense(part)
    layer = model_of(part).blocks[0].ffn
    x_BSD = torch.randn(8, 32, 64)
    with torch.no_grad():
        whole = layer(x_BSD)[0]
        layer.experts.w_out.zero_()
        share = layer(x_BSD)[0].square().mean() / whole.square().mean()
    assert float(share) == pytest.approx(0.5, abs=0.15)  # 128 of the 256 channels
    residual = model_of(MoE(num_experts=8, top_k=2, d_expert=16), residual=DenseFFN(d_ff=256), num_norms=3)
    assert 0.5 < start_rms(residual) / DENSE[64] < 2


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("gated", [True, False])
def test_the_rms_of_a_hidden_channel_is_that_of_random_ones(activation, gated):
    a, b = torch.randn(2, 400_000, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) * 0.7
    value = find_activation(activation).function(a) * (b if gated else 1)
    assert hidden_rms(activation, gated, 0.7) == pytest.approx(float(value.square().mean().sqrt()), rel=0.02)


def spreads(config, ffn, mixer):
    arch = make_arch(layers=(LayerGroup(num_layers=2, mixer=mixer, ffn=ffn),), d_model=64, num_positions=16)
    torch.manual_seed(0)
    return {
        name: float(p.detach().std())
        for name, p in build(arch, config).named_parameters()
        if p.dim() > 1 and "b_" not in name
    }


# Projections into a latent space and out of it keep variances; keys meet queries that are normed, so that their
# spread is the temperature of PEER's gates; noise starts at one scale, softplus(0), with weights of zero.
OF_THEIR_OWN = ("ffn.down.weight", "ffn.up.weight", "ffn.keys", "noise_weight", "baseline.weight")


@pytest.mark.parametrize("name", [*(f"ffn {ffn}" for ffn in FFNS), *(f"router {router}" for router in ROUTERS)])
def test_every_initial_scale_obeys_the_configuration(name):
    kind, _, which = name.partition(" ")
    router = ROUTERS[which] if kind == "router" else TopK()
    ffn = FFNS[which] if kind == "ffn" else MoE(num_experts=8, top_k=top_k_of(router), d_expert=32)
    mixer = list(MIXERS.values())[len(name) % len(MIXERS)]  # every mixer comes
    one, five = (spreads(ModelConfig(router=router, init_std=std), ffn, mixer) for std in (0.004, 0.02))
    for weight, std in one.items():
        if weight.endswith(OF_THEIR_OWN):
            assert five[weight] == pytest.approx(std, rel=0.2, abs=1e-9), weight
        elif ".ffn." in weight and weight.endswith(("out", "out.weight", "up")):
            assert five[weight] > 2.5 * std, weight  # made up for gates and for hidden channels, which grow too
        else:
            assert five[weight] == pytest.approx(5 * std, rel=0.1), weight


def test_a_start_takes_none_of_the_random_numbers_that_follow_it():
    states = []
    for router in (TopK(normalised=False, scale=3.0), TopK(normalised=False, scale=7.0)):  # measured once each
        for _ in range(2):
            torch.manual_seed(5)
            build(make_arch(), ModelConfig(router=router))
            states.append(torch.get_rng_state())
    assert all(torch.equal(state, states[0]) for state in states)


def accepted(router, num_experts=8):
    """Every k that the router accepts, with one expert in the decoder."""
    for top_k in (1, 2, 4):
        try:
            yield model_of(MoE(num_experts=num_experts, top_k=top_k, d_expert=16), ModelConfig(router=router))
        except ConfigError:
            continue


@pytest.mark.parametrize("name", [*ROUTERS, *router_kinds()])
def test_every_router_with_parameters_gets_a_gradient_of_the_language_model_at_every_k(name):
    router = ROUTERS[name] if name in ROUTERS else find_router(name)()
    models = list(accepted(router))
    assert models
    ids_BS = torch.randint(0, VOCAB, (4, 16))
    for model in models:
        reinforce_alone = LossConfig(entropy=0, baseline=0)
        training_loss(model(ids_BS), ids_BS, reinforce_alone).total.backward()
        for layer in model.routers.values():
            for weight, parameter in layer.named_parameters():
                if not weight.startswith("baseline"):
                    assert parameter.grad is not None and float(parameter.grad.abs().max()) > 1e-12, weight


def test_gates_that_are_all_one_are_refused_with_the_remedy():
    part = MoE(num_experts=8, top_k=1, d_expert=16)
    for router in (TopK(normalised=True), TopK(score="softmax_after")):
        with pytest.raises(ConfigError, match=r"normalised: must be left out.*gates_of_one=True"):
            model_of(part, ModelConfig(router=router))
    layer = model_of(part, ModelConfig(router=TopK(normalised=True, gates_of_one=True))).blocks[0].ffn
    assert isinstance(layer, MoELayer)
    assert (layer(torch.randn(1, 4, 64))[1].weight_TK == 1).all()
    with pytest.raises(ConfigError, match=r"top_k: must be at least 2 with gates=.softmax.*got 1"):
        model_of(PEER(num_keys=8, num_heads=2, top_k=1, d_key=8))
    PEERLayer(8, num_keys=8, num_heads=2, top_k=1, d_key=8, gates="sigmoid")


def test_gates_are_divided_by_their_sum_where_there_are_several():
    for top_k in (1, 2):
        assert TopK().sums_gates(top_k) is (top_k > 1)
        routing = model_of(MoE(num_experts=8, top_k=top_k, d_expert=16)).blocks[0].ffn(torch.randn(1, 4, 64))[1]
        total_T = routing.weight_TK.sum(1)
        assert bool((total_T < 0.9).all()) is (top_k == 1)
    assert TopK(normalised=False).sums_gates(2) is False
