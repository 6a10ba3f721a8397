"""Every kind of router with every kind of expert, and the order of a block's parts, in plain loops."""

import pytest
import torch

from optimoe.arch.parts import DenseFFN, MoE
from optimoe.models.attention.places import Places
from optimoe.models.decoder import build
from optimoe.models.routers import TopK
from tests.models import reference
from tests.models.build import ROUTERS, ids_of, make_layer, top_k_of
from tests.models.shapes import MIXERS, with_mixer

KINDS = {
    name: ROUTERS[name]
    for name in (
        "softmax",
        "sigmoid bias groups",
        "capacity by score",
        "expert choice",
        "s_base",
        "base",
        "hash",
        "policy gradient",
    )
}
PARTS = {
    "plain": {"gated": False},
    "biases": {"expert_bias": True, "router_bias": True},
    "shared": {"num_shared_experts": 2, "d_shared": 3},
    "gated shared": {"num_shared_experts": 1, "d_shared": 3, "shared_gate": True},
    "latent": {"d_latent": 3},
    "all": {
        "gated": False,
        "expert_bias": True,
        "router_bias": True,
        "d_latent": 3,
        "num_shared_experts": 2,
        "d_shared": 2,
        "shared_gate": True,
    },
}


def close(one, other):
    torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-10)


def inputs():
    generator = torch.Generator().manual_seed(1)
    return torch.randn(2, 4, 6, generator=generator, dtype=torch.float64), ids_of(2, 4)


def compare(layer):
    """Outputs, and gradients of the input and of every parameter."""
    x_BSD, ids_BS = inputs()
    seed_BSD = torch.randn_like(x_BSD)
    results = []
    for run in (layer, lambda *args: reference.moe_layer(layer, *args)):
        given_BSD = x_BSD.clone().requires_grad_()
        torch.manual_seed(3)
        y_BSD, _ = run(given_BSD, ids_BS)
        wanted = [given_BSD, *layer.parameters()]
        grads = torch.autograd.grad((y_BSD * seed_BSD).sum(), wanted, materialize_grads=True)
        results.append((y_BSD, *grads))
    for one, other in zip(*results, strict=True):
        close(one, other)


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("kind", KINDS)
def test_any_router_with_any_expert_is_that_of_plain_loops(kind, part):
    fields = PARTS[part] | {"top_k": top_k_of(KINDS[kind])}
    compare(make_layer(KINDS[kind], **fields))


@pytest.mark.parametrize("gated", [True, False])
@pytest.mark.parametrize("activation", reference.ACTIVATIONS)
def test_any_activation_is_that_of_plain_loops(activation, gated):
    part = {"gated": gated, "num_shared_experts": 1, "d_shared": 3}
    compare(make_layer(TopK(), activation=activation, **part))


@pytest.mark.parametrize("top_k", [1, 3, 4])
@pytest.mark.parametrize(
    "kind", ["softmax", "unnormalised", "sigmoid", "noise", "s_base", "hash", "policy gradient"]
)
def test_any_number_of_experts_per_token_is_that_of_plain_loops(kind, top_k):
    compare(make_layer(ROUTERS[kind], top_k=top_k))


def random_block(arch):
    torch.manual_seed(0)
    block = build(arch).double().blocks[0]
    for parameter in block.parameters():
        parameter.data.normal_(std=0.7)
    return block


def normed(x_BSD, norm):
    return x_BSD / (x_BSD.square().mean(-1, keepdim=True) + 1e-6).sqrt() * norm.weight


@pytest.mark.parametrize("num_norms", [2, 4])
@pytest.mark.parametrize("ffn", [DenseFFN(d_ff=10), MoE(num_experts=4, top_k=2, d_expert=6)])
def test_a_block_adds_its_parts_through_its_norms(num_norms, ffn):
    block = random_block(with_mixer(MIXERS["grouped"], ffn, num_norms=num_norms))
    x_BSD, ids_BS = torch.randn(2, 5, 16, dtype=torch.float64), ids_of(2, 5)
    after = (lambda y, norm: normed(y, norm)) if num_norms == 4 else (lambda y, _: y)
    places = Places(ids_BS, None, None)
    mixed_BSD = x_BSD + after(block.mixer(normed(x_BSD, block.mixer_norm), places), block.mixer_norm_after)
    h_BSD = normed(mixed_BSD, block.ffn_norm)
    y_BSD = block.ffn(h_BSD, ids_BS)[0] if isinstance(ffn, MoE) else block.ffn(h_BSD)
    close(block(x_BSD, ids_BS, places)[0], mixed_BSD + after(y_BSD, block.ffn_norm_after))


@pytest.mark.parametrize("num_norms", [2, 3])
def test_a_residual_feed_forward_stands_beside_the_routed_one(num_norms):
    arch = with_mixer(
        MIXERS["grouped"],
        MoE(num_experts=4, top_k=2, d_expert=6),
        residual=DenseFFN(d_ff=16),
        num_norms=num_norms,
    )
    block = random_block(arch)
    x_BSD, ids_BS = torch.randn(2, 5, 16, dtype=torch.float64), ids_of(2, 5)
    places = Places(ids_BS, None, None)
    mixed_BSD = x_BSD + block.mixer(normed(x_BSD, block.mixer_norm), places)
    h_BSD = normed(mixed_BSD, block.ffn_norm)
    beside_BSD = normed(mixed_BSD, block.residual_norm) if num_norms == 3 else h_BSD
    want_BSD = mixed_BSD + block.ffn(h_BSD, ids_BS)[0] + block.residual(beside_BSD)
    close(block(x_BSD, ids_BS, places)[0], want_BSD)
