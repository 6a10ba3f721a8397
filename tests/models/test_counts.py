"""What the arithmetic of an architecture counts is what is built, part by part."""

from dataclasses import asdict, replace

import pytest

from optimoe.arch.catalog import find_model, model_names
from optimoe.arch.params import count_params
from optimoe.arch.parts import PEER, MoE
from optimoe.arch.spec import LayerGroup
from optimoe.core.errors import ConfigError
from optimoe.models.config import ModelConfig, count_extra_params
from optimoe.models.decoder import build
from optimoe.models.moe import MoELayer
from optimoe.models.peer.layer import PEERLayer
from tests.meta import without_storage
from tests.models.build import ROUTERS, make_arch, top_k_of
from tests.models.shapes import ARCHS, FFNS, MIXERS

ROUTED, RETRIEVED = ("experts.",), ("down", "up")
"""Tensors of experts in a routed layer and in a PEER layer."""


def size(module, prefixes=("",)):
    return sum(p.numel() for name, p in module.named_parameters() if name.startswith(prefixes))


def sizes(model):
    """Parameters of a built model by part; of the routed experts, those of one token's top k too."""
    arch = model.arch
    parts = dict.fromkeys(asdict(count_params(arch)), 0)
    parts["embedding"] = size(model.embedding) + (size(model.positions) if model.positions else 0)
    parts["unembedding"] = size(model.unembedding) - arch.tied_embeddings * model.embedding.weight.numel()
    parts["norms"] = size(model.norm)
    groups = [group for group in arch.layers for _ in range(group.num_layers)]
    for block, group in zip(model.blocks, groups, strict=True):
        parts["attention"] += size(block.mixer)
        parts["norms"] += sum(size(module) for name, module in block.named_children() if "norm" in name and module)
        parts["dense_ffn"] += size(block.residual) if block.residual else 0
        ffn = group.ffn
        if isinstance(block.ffn, MoELayer):
            experts, router = size(block.ffn.experts), size(block.ffn.router)
            parts["shared_experts"] += size(block.ffn) - experts - router
            chosen = ffn.top_k / ffn.num_experts
        elif isinstance(block.ffn, PEERLayer):
            experts = size(block.ffn, RETRIEVED)
            router, chosen = size(block.ffn) - experts, ffn.num_heads * ffn.top_k / ffn.num_keys**2
        else:
            parts["dense_ffn"] += size(block.ffn)
            continue
        parts["router"] += router
        parts["routed_experts"] += experts
        parts["routed_experts_active"] += round(experts * chosen)
    assert sum(parts.values()) - parts["routed_experts_active"] == size(model)
    return parts


def built(arch, config=None):
    with without_storage():
        return build(arch, config, shape_only=True)


@pytest.mark.parametrize("name", ARCHS)
def test_every_part_is_counted_as_it_is_built(name):
    assert sizes(built(ARCHS[name])) == asdict(count_params(ARCHS[name]))


def layers(*pairs):
    mixer = MIXERS["grouped"]
    return make_arch(layers=tuple(LayerGroup(num_layers=n, mixer=mixer, ffn=ffn) for n, ffn in pairs))


MIXED = {
    "every second layer routed": layers(*[(1, FFNS["dense"]), (1, FFNS["routed"])] * 3),
    "leading dense layers": layers((2, FFNS["dense"]), (3, FFNS["shared"])),
    "other experts in each layer": layers(
        *[(1, MoE(num_experts=e, top_k=k, d_expert=f)) for e, k, f in ((2, 1, 12), (4, 2, 6), (16, 8, 3))]
    ),
    "routed and retrieved": layers((1, FFNS["gated shared"]), (1, FFNS["product keys"]), (1, FFNS["latent"])),
}


@pytest.mark.parametrize("name", MIXED)
def test_layers_that_differ_are_counted_as_they_are_built(name):
    assert sizes(built(MIXED[name])) == asdict(count_params(MIXED[name]))


@pytest.mark.parametrize("name", ROUTERS)
def test_what_routers_add_is_counted_apart(name):
    config = ModelConfig(router=ROUTERS[name])
    for extra in ({}, {"router_bias": True}, {"d_latent": 4, "num_shared_experts": 1, "d_shared": 3}):
        part = MoE(num_experts=4, top_k=top_k_of(config.router), d_expert=6, **extra)
        arch = layers((1, FFNS["dense"]), (2, part))
        want = asdict(count_params(arch))
        want["router"] += count_extra_params(arch, config)
        assert sizes(built(arch, config)) == want


def one_of_each_layer(arch):
    """The model with one layer of each kind: equal layers are counted once and multiplied, so one is enough."""
    return replace(arch, layers=tuple(dict.fromkeys(replace(group, num_layers=1) for group in arch.layers)))


def test_models_of_the_catalog_are_built_as_counted_or_say_what_is_missing():
    names, refused = [], {}
    for name in model_names():
        arch = one_of_each_layer(find_model(name))
        try:
            model = built(arch)
        except ConfigError as error:
            refused[name] = str(error)
            continue
        assert sizes(model) == asdict(count_params(arch)), name
        names.append(name)
    assert len(names) >= 15
    words = ("num_mtp_layers", "Indexer", "Mamba", "GatedDeltaNet", "LightningAttention", "num_norms")
    assert all(any(word in reason for word in words) for reason in refused.values()), refused


def test_a_retrieval_layer_of_a_million_experts_is_counted():
    arch = make_arch(PEER(num_keys=1024, num_heads=8, top_k=16, d_key=128))
    assert sizes(built(arch)) == asdict(count_params(arch))
