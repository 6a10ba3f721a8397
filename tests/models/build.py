"""Small layers and models for the tests."""

import torch

from optimoe.arch.parts import Attention, DenseFFN, MoE
from optimoe.arch.spec import ArchSpec, LayerGroup
from optimoe.models.config import ModelConfig
from optimoe.models.moe import MoELayer
from optimoe.models.routers import Base, ExpertChoice, Hash, PolicyGradient, RouterConfig, SBase, TopK

VOCAB = 24
ROUTERS = {
    "softmax": TopK(),
    "unnormalised": TopK(normalised=False, scale=1.5),
    "softmax after": TopK(score="softmax_after"),
    "sigmoid": TopK(score="sigmoid", scale=2.5),
    "noise": TopK(noise=True),
    "bias": TopK(balanced_by_bias=True),
    "sigmoid bias groups": TopK(score="sigmoid", balanced_by_bias=True, num_groups=2, top_groups=1),
    "groups by best": TopK(num_groups=2, top_groups=1, group_score="best", normalised=False),
    "null experts": TopK(score="sigmoid", balanced_by_bias=True, null_experts=8),
    "capacity by position": TopK(capacity_factor=0.75, eval_capacity_factor=1.0),
    "capacity by choice": TopK(capacity_factor=0.75, drop="choice", normalised=False),
    "capacity by score": TopK(capacity_factor=0.75, eval_capacity_factor=0.5, drop="score"),
    "expert choice": ExpertChoice(),
    "expert choice, token choice": ExpertChoice(evaluation="token_choice"),
    "expert choice by sequence": ExpertChoice(choice_group="sequence", capacity_factor=1.5),
    "expert choice by position": ExpertChoice(choice_group="position"),
    "s_base": SBase(),
    "s_base as trained": SBase(evaluation="as_trained"),
    "base": Base(),
    "hash": Hash(),
    "hash modulo": Hash(table="modulo"),
    "policy gradient": PolicyGradient(),
}
ALONE = [name for name in ROUTERS if "capacity" not in name and "position" not in name]
"""Routers that decide on each token by itself where they are causal, so that a pack is its documents."""


def top_k_of(router: RouterConfig) -> int:
    return 1 if router.kind == "base" or router == ROUTERS["hash modulo"] else 2


def make_layer(
    router: RouterConfig, seed: int = 0, d_model: int = 6, activation: str = "silu", **part
) -> MoELayer:
    """A layer in float64 with every parameter random and large enough to matter."""
    part = {"num_experts": 4, "top_k": top_k_of(router), "d_expert": 5} | part
    layer = MoELayer(MoE(**part), d_model, VOCAB, ModelConfig(router=router, activation=activation)).double()
    generator = torch.Generator().manual_seed(seed)
    for tensor in [*layer.parameters(), *layer.buffers()]:
        if tensor.is_floating_point():
            tensor.data.copy_(torch.randn(tensor.shape, generator=generator) * 0.7)
    return layer


def make_arch(ffn=None, num_layers: int = 2, **fields) -> ArchSpec:
    mixer = Attention(num_heads=4, num_kv_heads=2, head_dim=4)
    ffn = ffn or MoE(num_experts=4, top_k=2, d_expert=8)
    group = LayerGroup(num_layers=num_layers, mixer=mixer, ffn=ffn)
    return ArchSpec(**({"name": "tiny", "vocab_size": VOCAB, "d_model": 16, "layers": (group,)} | fields))


def make_dense(d_ff: int = 16, **fields) -> ArchSpec:
    return make_arch(DenseFFN(d_ff=d_ff), **fields)


def ids_of(num_sequences: int = 2, num_positions: int = 8, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, VOCAB, (num_sequences, num_positions), generator=generator)
