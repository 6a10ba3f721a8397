"""Dense models into mixtures of experts that compute the same at the start."""

from dataclasses import replace

import pytest
import torch

from optimoe.arch.parts import PEER, DenseFFN, MoE
from optimoe.arch.spec import LayerGroup
from optimoe.core.errors import ConfigError
from optimoe.models.config import LossConfig, ModelConfig
from optimoe.models.convert.upcycle import Upcycling, upcycle
from optimoe.models.decoder import build
from optimoe.models.losses import training_loss
from optimoe.models.routers import Hash, PolicyGradient, TopK, read_router
from tests.models.build import ids_of, make_arch, make_dense

D_FF = 24
ROUTERS = {
    "softmax": TopK(),
    "softmax after": TopK(score="softmax_after"),
    "scaled sigmoid": TopK(score="sigmoid", scale=2.5),
    "groups and bias": TopK(score="sigmoid", num_groups=2, top_groups=1, balanced_by_bias=True),
    "noise": TopK(noise=True, scale=0.5),
    "hash": Hash(),
    "policy": PolicyGradient(scale=1.5),
}
SHARDS = {
    "two shards, one copy each": {"num_experts": 8, "top_k": 2, "d_expert": 12},
    "two shards, two copies each": {"num_experts": 8, "top_k": 4, "d_expert": 12},
    "three shards": {"num_experts": 12, "top_k": 6, "d_expert": 8},
    "all experts": {"num_experts": 4, "top_k": 4, "d_expert": 6},
    "a shared third": {"num_experts": 8, "top_k": 2, "d_expert": 8, "num_shared_experts": 1, "d_shared": 8},
    "two shared": {"num_experts": 4, "top_k": 2, "d_expert": 12, "num_shared_experts": 2, "d_shared": 6},
}


def make_model(ffn=None, **fields):
    """A dense model in float64 whose every parameter matters."""
    torch.manual_seed(0)
    model = build(make_arch(ffn or DenseFFN(d_ff=D_FF), **fields), ModelConfig(init_std=0.3)).double()
    for parameter in model.parameters():
        parameter.data.add_(torch.randn_like(parameter) * 0.1)
    return model


def routed(part, model=None):
    """The architecture with routed layers in place of dense ones."""
    arch = (model or make_model()).arch
    return replace(arch, layers=tuple(replace(group, ffn=part) for group in arch.layers))


def same(one, other):
    torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-10)


def assert_same_function(dense, model):
    ids_BS = ids_of(3, 9)
    for training in (True, False):
        want = dense.train(training)(ids_BS).logits_BSV
        assert want.std() > 0.1
        same(model.train(training)(ids_BS).logits_BSV, want)


@pytest.mark.parametrize("gated", [True, False])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("name", ROUTERS)
def test_copies_compute_what_the_dense_model_does(name, gated, bias):
    dense = make_model(DenseFFN(d_ff=D_FF, gated=gated, bias=bias))
    part = MoE(num_experts=4, top_k=2, d_expert=D_FF, gated=gated, expert_bias=bias)
    config = ModelConfig(router=ROUTERS[name], init_std=0.5)
    assert_same_function(dense, upcycle(dense, routed(part, dense), config))


@pytest.mark.parametrize(
    ("name", "router"),
    [
        (name, router)
        for name in SHARDS
        for router in ("softmax", "softmax after", "scaled sigmoid", "groups and bias")
        if router != "groups and bias" or SHARDS[name]["top_k"] <= SHARDS[name]["num_experts"] // 2
    ],
)
def test_shards_compute_what_the_dense_model_does(name, router):
    dense, part = make_model(), MoE(**SHARDS[name])
    groups = (D_FF - part.num_shared_experts * part.d_shared) // part.d_expert
    config = ModelConfig(router=ROUTERS[router], init_std=0.5)
    model = upcycle(dense, routed(part), config)
    assert_same_function(dense, model)
    routing = model(ids_of()).routings[0]
    assert len({tuple(sorted(row.tolist())) for row in routing.expert_TK}) > 1 or part.top_k == part.num_experts
    sets_TK = (routing.expert_TK // groups).sort().values  # whole sets of shards are chosen
    assert (sets_TK.view(len(sets_TK), -1, groups) == sets_TK[:, ::groups, None]).all()


def test_some_layers_may_stay_dense():
    dense = make_model(num_layers=3)
    group = dense.arch.layers[0]
    part = MoE(num_experts=4, top_k=2, d_expert=D_FF)
    layers = (replace(group, num_layers=1), replace(group, num_layers=2, ffn=part))
    model = upcycle(dense, replace(dense.arch, layers=layers), ModelConfig())
    assert sorted(model(ids_of()).routings) == [1, 2]
    assert_same_function(dense, model)


def test_tied_embeddings_stay_tied_and_the_dense_model_as_it_was():
    dense = make_model(tied_embeddings=True)
    before = {name: tensor.clone() for name, tensor in dense.state_dict().items()}
    model = upcycle(dense, routed(MoE(num_experts=4, top_k=2, d_expert=D_FF), dense), ModelConfig())
    assert model.unembedding.weight is model.embedding.weight
    model.embedding.weight.data.zero_()
    assert all(torch.equal(tensor, before[name]) for name, tensor in dense.state_dict().items())


def expert_matrices(how, **part):
    """Gate, up and out matrices of the first layer's experts, (E, F, D), and those of plain copies."""
    dense = make_model(DenseFFN(d_ff=200))
    arch = routed(MoE(**({"num_experts": 6, "top_k": 2, "d_expert": 200} | part)))
    both = []
    for options in (how, Upcycling()):
        experts = upcycle(dense, arch, ModelConfig(), options).blocks[0].ffn.experts.requires_grad_(False)
        both.append([*experts.w_in.mT.chunk(2, dim=1), experts.w_out])
    return both


def test_noise_has_the_spread_that_it_states_and_differs_between_experts():
    noisy, plain = expert_matrices(Upcycling(noise=0.1))
    for one, other in zip(noisy, plain, strict=True):
        added = one - other
        assert added.std() / other.std() == pytest.approx(0.1, rel=0.03)
        assert added.mean().abs() < 4 * added.std() / added.numel() ** 0.5
        assert torch.corrcoef(added.flatten(1)).triu(1).abs().max() < 0.1


@pytest.mark.parametrize("share", [0.0, 0.25, 0.5, 1.0])
def test_reset_channels_are_the_stated_share_and_the_same_in_all_matrices(share):
    reset, plain = expert_matrices(Upcycling(reset_share=share))
    changed = [(one != other) for one, other in zip(reset, plain, strict=True)]
    for matrix in changed:
        assert (matrix.all(dim=2) == matrix.any(dim=2)).all()  # whole channels
        assert (matrix.any(dim=2).sum(dim=1) == round(share * 200)).all()
        assert torch.equal(matrix, changed[0])
    if 0 < share < 1:
        assert not torch.equal(changed[0][0], changed[0][1])  # other channels in other experts


def test_reset_channels_have_the_statistics_of_their_dense_matrix():
    dense = make_model(DenseFFN(d_ff=200))
    with torch.no_grad():
        dense.blocks[0].ffn.w_in.weight[:200].mul_(5).add_(1)  # the gate's are others than the up matrix's
    arch = routed(MoE(num_experts=6, top_k=2, d_expert=200))
    experts = upcycle(dense, arch, ModelConfig(), Upcycling(reset_share=1.0)).blocks[0].ffn.experts
    gate, up = experts.w_in.mT.chunk(2, dim=1)
    first, second = dense.blocks[0].ffn.w_in.weight.chunk(2)
    for new, old in ((gate, first), (up, second), (experts.w_out, dense.blocks[0].ffn.w_out.weight)):
        assert new.std().item() == pytest.approx(old.std().item(), rel=0.05)
        assert new.mean().item() == pytest.approx(old.mean().item(), abs=0.03 * old.std().item())


@pytest.mark.parametrize("part", [{"d_expert": D_FF, "top_k": 1}, {"d_expert": 12, "top_k": 2}])
def test_one_step_lets_equal_experts_part(part):
    dense = make_model()
    of_one = TopK(normalised=True, gates_of_one=True)
    model = upcycle(dense, routed(MoE(num_experts=4, **part)), ModelConfig(router=of_one))
    experts = model.blocks[0].ffn.experts
    sets = 4 * part["d_expert"] // D_FF
    first, last = experts.w_in[0].clone(), experts.w_in[4 - 4 // sets].clone()
    assert torch.equal(first, last)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    ids_BS = ids_of(8, 9)
    training_loss(model(ids_BS[:, :-1]), ids_BS[:, 1:], LossConfig()).total.backward()
    optimizer.step()
    assert (experts.w_in[0] - experts.w_in[4 - 4 // sets]).abs().max() > 1e-4


WHOLE = {"num_experts": 4, "top_k": 2, "d_expert": D_FF}
SHARED = {"d_expert": 12, "num_shared_experts": 1, "d_shared": 12}
REFUSED = {
    "other width": ({"d_expert": 10}, {}, "d_expert"),
    "wider": ({"d_expert": 48}, {}, "d_expert"),
    "no width left": ({"d_expert": 12, "num_shared_experts": 1, "d_shared": 24}, {}, "d_expert"),
    "experts are no multiple": ({"num_experts": 5, "d_expert": 12}, {}, "num_experts"),
    "top k is no multiple": ({"top_k": 3, "d_expert": 12}, {}, "top_k"),
    "not gated": ({"gated": False}, {}, "gated"),
    "biases": ({"expert_bias": True}, {}, "expert_bias"),
    "latent": ({"d_latent": 8}, {}, "d_latent"),
    "gated shared": (SHARED | {"shared_gate": True}, {}, "shared_gate"),
    "biased router of shards": ({"d_expert": 12, "router_bias": True}, {}, "router_bias"),
    "gates that do not sum": ({}, {"normalised": False}, "normalised"),
    "gates of one": ({"top_k": 1}, {}, "gates_of_one=True"),
    "expert choice": ({}, {"kind": "expert_choice"}, "expert_choice"),
    "sinkhorn": ({}, {"kind": "s_base"}, "s_base"),
    "hash of shards": ({"d_expert": 12}, {"kind": "hash"}, "kind"),
    "noise on shards": ({"d_expert": 12}, {"noise": True}, "noise"),
    "groups that cut sets": (
        {"d_expert": 6, "top_k": 4, "num_experts": 8},
        {"num_groups": 4, "top_groups": 2},
        "groups",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_would_change_the_function_is_refused_by_name(name):
    part, router, word = REFUSED[name]
    arch = routed(MoE(**(WHOLE | part)))
    with pytest.raises(ConfigError, match=word):
        upcycle(make_model(), arch, ModelConfig(router=read_router({"kind": "top_k"} | router)))


def test_a_dense_layer_with_biases_takes_no_shared_expert():
    dense = make_model(DenseFFN(d_ff=D_FF, bias=True))
    part = MoE(num_experts=4, top_k=2, d_expert=12, num_shared_experts=1, d_shared=12, expert_bias=True)
    with pytest.raises(ConfigError, match="num_shared_experts"):
        upcycle(dense, routed(part, dense), ModelConfig())


def test_another_model_than_the_dense_one_is_refused():
    dense, part = make_model(), MoE(num_experts=4, top_k=2, d_expert=D_FF)
    arch = routed(part)
    group = arch.layers[0]
    mixer = replace(group.mixer, num_kv_heads=4)
    for other, word in (
        (replace(arch, d_model=32), "arch"),
        (replace(arch, layers=(replace(group, num_layers=3),)), "num_layers"),
        (replace(arch, layers=(replace(group, mixer=mixer),)), "layer 0"),
        (replace(arch, layers=(LayerGroup(num_layers=2, mixer=group.mixer, ffn=DenseFFN(d_ff=8)),)), "layer 0"),
        (routed(PEER(num_keys=4, num_heads=1, top_k=2, d_key=4)), "layer 0"),
    ):
        with pytest.raises(ConfigError, match=word):
            upcycle(dense, other, ModelConfig())
    with pytest.raises(ConfigError, match="activation"):
        upcycle(dense, arch, ModelConfig(activation="gelu"))
    with pytest.raises(ConfigError, match="without routed"):
        upcycle(upcycle(dense, arch, ModelConfig()), arch, ModelConfig())
    assert make_dense().moe is None


@pytest.mark.parametrize("how", [{"noise": -0.1}, {"reset_share": 1.1}, {"reset_share": -0.1}])
def test_shares_out_of_limits_are_refused(how):
    with pytest.raises(ConfigError, match=next(iter(how))):
        Upcycling(**how)
