"""Groups of parameters: each parameter in one, decay where it belongs, clips apart."""

import math

import pytest
import torch
from torch import nn

from optimoe.arch.parts import MoE
from optimoe.core.errors import ConfigError, UnknownNameError
from optimoe.models.config import ModelConfig
from optimoe.models.convert.lifelong import Growth, grow
from optimoe.models.decoder import build
from optimoe.models.losses import training_loss
from optimoe.models.param_groups import GROUPS, clip_grad_norms, param_groups
from optimoe.models.routers import PolicyGradient
from tests.models.build import ROUTERS, make_arch, top_k_of
from tests.models.shapes import ARCHS, FFNS, MIXERS, with_mixer

MODELS = {f"shape {name}": (arch, ModelConfig()) for name, arch in ARCHS.items()} | {
    f"router {name}": (
        make_arch(MoE(num_experts=4, top_k=top_k_of(router), d_expert=8, router_bias=True, expert_bias=True)),
        ModelConfig(router=router),
    )
    for name, router in ROUTERS.items()
}


def names_by_group(model, **options):
    return {group["name"]: group["param_names"] for group in param_groups(model, weight_decay=0.1, **options)}


@pytest.mark.parametrize("name", MODELS)
def test_every_parameter_of_every_kind_is_in_one_group(name):
    model = build(*MODELS[name])
    groups = param_groups(model, weight_decay=0.1)
    grouped = [id(parameter) for group in groups for parameter in group["params"]]
    assert sorted(grouped) == sorted(id(parameter) for parameter in model.parameters())
    assert [group["name"] for group in groups] == [g for g in GROUPS if g in {group["name"] for group in groups}]
    for group in groups:
        for path in group["param_names"]:
            tensor = path.rpartition(".")[2]
            is_bias = "bias" in tensor or tensor.startswith("b_") or "norm" in path
            assert not (is_bias and group["weight_decay"]), path
    torch.optim.AdamW(groups, lr=1e-3)


def test_parts_with_scales_of_their_own_have_groups_of_their_own():
    routed = names_by_group(build(*MODELS["router policy gradient"]))
    assert routed["baselines"] == [
        f"blocks.{b}.ffn.router.baseline.{t}" for b in (0, 1) for t in ("weight", "bias")
    ]
    assert routed["routers"] == [f"blocks.{b}.ffn.router.weight" for b in (0, 1)]
    assert routed["router_biases"] == [f"blocks.{b}.ffn.router.bias" for b in (0, 1)]
    assert {f"blocks.{b}.ffn.experts.{t}" for b in (0, 1) for t in ("b_in", "b_out")} <= set(routed["biases"])
    peer = names_by_group(build(make_arch(FFNS["product keys"], num_layers=1)))
    assert peer["peer_keys"] == ["blocks.0.ffn.keys"]
    assert peer["peer_tables"] == ["blocks.0.ffn.down", "blocks.0.ffn.up"]
    assert "sinks" in names_by_group(build(with_mixer(MIXERS["sinks"])))
    assert "unembedding" not in names_by_group(build(ARCHS["tied"]))


def test_embeddings_decay_by_choice_and_a_group_takes_its_own_rate():
    model = nn.Sequential(build(make_arch()))
    decay = {
        chosen: {
            g["name"]: g["weight_decay"] for g in param_groups(model, weight_decay=0.1, decay_embeddings=chosen)
        }
        for chosen in (False, True)
    }
    assert decay[False] == {
        **{"matrices": 0.1, "experts": 0.1, "unembedding": 0.1, "routers": 0.1},
        **{"embeddings": 0.0, "norms": 0.0},
    }
    assert decay[True] == decay[False] | {"embeddings": 0.1}
    groups = param_groups(model, weight_decay=0.1, overrides={"routers": {"lr": 1e-4, "weight_decay": 0.0}})
    routers = next(
        group for group in torch.optim.AdamW(groups, lr=1e-3).param_groups if group["name"] == "routers"
    )
    assert (routers["lr"], routers["weight_decay"]) == (1e-4, 0.0)
    with pytest.raises(UnknownNameError, match=r"nearest: .*routers"):
        param_groups(model, weight_decay=0.1, overrides={"router": {"lr": 1e-4}})
    with pytest.raises(ConfigError, match="weight_decay: must be zero or more"):
        param_groups(model, weight_decay=-0.1)


def test_of_a_grown_model_only_what_trains_is_grouped():
    model = grow(build(make_arch()), Growth(num_new_experts=2, dense="frozen"))
    groups = names_by_group(model)
    assert groups.keys() == {"experts", "routers"}
    assert all("original" in name for names in groups.values() for name in names)


def test_a_parameter_of_an_unknown_kind_is_refused_by_name():
    model = build(make_arch())
    model.blocks[0].mixer.table = nn.Parameter(torch.zeros(2, 2))
    with pytest.raises(ConfigError, match=r"what blocks\.0\.mixer\.table is, a parameter of SelfAttention"):
        param_groups(model, weight_decay=0.1)


def test_a_clip_returns_norms_before_it_and_groups_alone_do_not_scale_the_rest():
    model = build(make_arch(FFNS["product keys"]))
    for parameter in model.parameters():
        parameter.grad = torch.full_like(parameter, 0.001)
    tables = [block.ffn.up for block in model.blocks]
    for table in tables:
        table.grad.fill_(10)
    groups = param_groups(model, weight_decay=0.1)
    norms = clip_grad_norms(groups, 1.0)
    assert norms.keys() == {"rest", "peer_tables"} and norms["peer_tables"] > 100 and norms["rest"] < 1
    assert model.unembedding.weight.grad.unique().item() == pytest.approx(0.001)
    clipped = torch.stack(
        [p.grad.norm() for g in groups if g["name"] == "peer_tables" for p in g["params"]]
    ).norm()
    assert clipped.item() == pytest.approx(1, rel=1e-4)
    with pytest.raises(UnknownNameError, match=r"alone: .*baselines"):
        clip_grad_norms(groups, 1.0, alone=("baseline",))


def test_the_baseline_of_a_policy_leaves_the_language_gradient_whole_in_the_first_step():
    """From a baseline of zero, whose error is ln² V, a clip over all parameters cuts the gradient of the rest."""
    torch.manual_seed(0)
    config = ModelConfig(router=PolicyGradient())
    arch = make_arch(MoE(num_experts=4, top_k=1, d_expert=8), vocab_size=256)
    model = build(arch, config)
    ids_BS = torch.randint(0, 256, (4, 17))

    def backward():
        model.zero_grad()
        training_loss(model(ids_BS[:, :-1]), ids_BS[:, 1:], config.losses).total.backward()
        return param_groups(model, weight_decay=0.1)

    def start_at(value):
        for router in model.routers.values():
            nn.init.zeros_(router.baseline.weight)
            nn.init.constant_(router.baseline.bias, value)

    seen = model.unembedding.weight
    start_at(0.0)
    torch.manual_seed(1)
    norms = clip_grad_norms(backward(), 1.0)
    assert norms["baselines"] > 3 * norms["rest"]
    apart = seen.grad.norm()
    torch.manual_seed(1)
    clip_grad_norms(backward(), 1.0, alone=())
    assert apart > 3 * seen.grad.norm()
    start_at(-math.log(256))
    assert clip_grad_norms(backward(), 1.0)["baselines"] < 0.2
