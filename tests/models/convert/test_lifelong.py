"""Experts that grow with each distribution of data, and what is forgotten meanwhile."""

import copy

import pytest
import torch
from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard
from transformers import AutoModelForCausalLM

from optimoe.arch.params import count_params
from optimoe.arch.parts import MoE
from optimoe.core.errors import ConfigError, InputError
from optimoe.models.config import LossConfig, ModelConfig
from optimoe.models.convert.hf import load_hf, save_hf
from optimoe.models.convert.lifelong import (
    Forgetting,
    Growth,
    distillation_loss,
    evaluate_each,
    forgetting,
    frozen_copy,
    grow,
    merge,
    regrow,
)
from optimoe.models.decoder import build
from optimoe.models.losses import Balancer, training_loss
from optimoe.models.routers import ExpertChoice, Hash, PolicyGradient, SBase, TopK
from tests.models.build import VOCAB, ids_of, make_arch, make_dense
from tests.models.world import one_rank

OLD, NEW = 4, 3
PART = {"num_experts": OLD, "top_k": 2, "d_expert": 8}


def make_model(seed=0, router=None, **part):
    torch.manual_seed(seed)
    arch = make_arch(MoE(**(PART | part)))
    return build(arch, ModelConfig(router=router or TopK(), init_std=0.2))


def step(model, optimizer, ids_BS):
    output = model(ids_BS[:, :-1])
    loss = training_loss(output, ids_BS[:, 1:], LossConfig(balance=0.01, z=0.01)).total
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return output


def train_some(model, steps=5):
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2, weight_decay=0.5)
    for seed in range(steps):
        output = step(model, optimizer, ids_of(4, 9, seed))
        if model.config.router.balanced_by_bias:
            balancer = Balancer(model, 1e-3)
            balancer.add(output)
            balancer.step()


def rows_of(model):
    """Expert matrices and gate rows of every layer, by name."""
    rows = {}
    for layer, block in enumerate(model.blocks):
        for module, names in ((block.ffn.experts, ("w_in", "w_out", "b_in", "b_out")), (block.ffn.router, GATES)):
            for name in names:
                tensor = getattr(module, name, None)
                if tensor is not None:
                    rows[f"{layer} {name}"] = tensor.detach().clone()
    return rows


GATES = ("weight", "bias", "noise_weight")
ROUTERS = {
    "softmax": TopK(),
    "noise": TopK(noise=True),
    "bias": TopK(balanced_by_bias=True, score="sigmoid"),
    "capacity": TopK(capacity_factor=1.0),
    "expert choice": ExpertChoice(),
    "s_base": SBase(),
    "policy": PolicyGradient(),
}


@pytest.mark.parametrize("dense", ["frozen", "trained"])
@pytest.mark.parametrize("gate", ["old_frozen", "trained"])
@pytest.mark.parametrize("name", ROUTERS)
def test_old_experts_stay_bit_for_bit_under_adamw_and_decay(name, gate, dense):
    model = make_model(router=ROUTERS[name], router_bias=True, expert_bias=True)
    train_some(model, 2)
    before = rows_of(model)
    growth = Growth(num_new_experts=NEW, start="fresh", gate=gate, dense=dense)
    grown = grow(model, growth)
    start, rest = rows_of(grown), {key: p.clone() for key, p in grown.named_parameters()}
    train_some(grown)
    for key, rows in rows_of(grown).items():
        is_gate = key.split()[1] in GATES
        assert len(rows) == OLD + NEW
        assert torch.equal(start[key][:OLD], before[key])
        assert torch.equal(rows[:OLD], before[key]) == (not is_gate or gate == "old_frozen"), key
        assert not torch.equal(rows[OLD:], start[key][OLD:]), key
    for key, parameter in grown.named_parameters():
        if ".router." not in key and ".experts." not in key:
            assert torch.equal(parameter, rest[key]) == (dense == "frozen"), key
    assert all(torch.equal(rows, before[key]) for key, rows in rows_of(model).items())


def test_frozen_rows_are_no_parameters():
    grown = grow(make_model(), Growth(num_new_experts=NEW, dense="frozen"))
    trained = sum(p.numel() for p in grown.parameters() if p.requires_grad)
    assert trained == 2 * NEW * (3 * 16 * 8 + 16)  # new experts and new gate rows of two layers
    assert sum(p.numel() for p in grown.parameters()) < count_params(grown.arch).total


@torch.no_grad()
def test_what_a_model_computes_changes_only_where_a_new_gate_is_chosen():
    model = make_model(router_bias=True).double().eval()
    grown = grow(model, Growth(num_new_experts=NEW, start="fresh"))
    ids_BS = ids_of(4, 8)
    old, new = model(ids_BS), grown(ids_BS)
    stays_T = (new.routings[0].expert_TK < OLD).all(dim=1)
    assert 0 < stays_T.sum() < len(stays_T)
    assert torch.equal(new.routings[0].expert_TK[stays_T], old.routings[0].expert_TK[stays_T])
    for router in grown.routers.values():
        router.parametrizations.bias.original.fill_(-1e4)  # gates that are never chosen
    torch.testing.assert_close(grown(ids_BS).logits_BSV, old.logits_BSV, rtol=1e-12, atol=1e-12)


def test_copies_begin_as_the_old_experts_in_turn():
    model = make_model()
    for noise in (0.0, 0.05):
        grown = grow(model, Growth(num_new_experts=6, noise=noise))
        for key, rows in rows_of(grown).items():
            old, copies = rows[:OLD], torch.stack([rows[index % OLD] for index in range(6)])
            spread = (rows[OLD:] - copies).std() / old.std()
            assert spread.item() == pytest.approx(noise, rel=0.3, abs=1e-9), key


def test_growing_again_freezes_all_that_is_there():
    model = make_model()
    first = grow(model, Growth(num_new_experts=2))
    train_some(first)
    second = grow(first, Growth(num_new_experts=2))
    before = rows_of(first)
    train_some(second)
    assert second.arch.moe.num_experts == 8
    assert all(torch.equal(rows[:6], before[key]) for key, rows in rows_of(second).items())


def test_balancing_biases_of_new_experts_begin_at_zero():
    model = make_model(router=TopK(balanced_by_bias=True))
    train_some(model)
    grown = grow(model, Growth(num_new_experts=NEW))
    old, new = model.routers[0].balance_bias_E, grown.routers[0].balance_bias_E
    assert torch.equal(new[:OLD], old) and old.abs().max() > 0 and not new[OLD:].any()


@pytest.mark.parametrize(
    ("model", "word"),
    [
        (lambda: build(make_dense()), "routed"),
        (lambda: make_model(router=Hash()), "hash"),
        (lambda: make_model(router=TopK(num_groups=2)), "num_groups"),
    ],
)
def test_what_cannot_grow_is_refused(model, word):
    with pytest.raises(ConfigError, match=word):
        grow(model(), Growth(num_new_experts=2))


@pytest.mark.parametrize("fields", [{"num_new_experts": 0}, {"num_new_experts": 1, "noise": -1.0}])
def test_growth_out_of_limits_is_refused(fields):
    with pytest.raises(ConfigError, match=list(fields)[-1]):
        Growth(**fields)


def test_distillation_is_zero_at_the_old_model_and_pulls_back_to_it():
    model, ids_BS = make_model().double(), ids_of(4, 8)
    previous = frozen_copy(model)
    assert not previous.training and not any(p.requires_grad for p in previous.parameters())
    target = previous(ids_BS).logits_BSV
    loss = distillation_loss(model(ids_BS).logits_BSV, target)
    assert loss.item() == pytest.approx(0, abs=1e-14)
    train_some(model, 3)
    assert distillation_loss(model(ids_BS).logits_BSV, target).item() > 0.01
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    losses = []
    for _ in range(20):
        loss = distillation_loss(model(ids_BS).logits_BSV, target)
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert losses[-1] < 0.9 * losses[0]


@pytest.mark.parametrize("temperature", [0.5, 1.0, 4.0])
def test_distillation_is_the_divergence_from_the_old_model(temperature):
    new, old = torch.randn(2, 3, 5, 7, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    p, q = (torch.softmax(x.flatten(0, 1) / temperature, 1) for x in (old, new))
    want = temperature**2 * (p * (p / q).log()).sum(1).mean()
    assert distillation_loss(new, old, temperature).item() == pytest.approx(want.item(), rel=1e-12)
    coarse = [tensor.bfloat16() for tensor in (new, old)]
    whole = distillation_loss(*(tensor.float() for tensor in coarse), temperature)
    assert distillation_loss(*coarse, temperature).item() == pytest.approx(whole.item(), rel=1e-6)
    new.requires_grad_()
    (gradient,) = torch.autograd.grad(distillation_loss(new, old, temperature), new)
    torch.testing.assert_close(gradient.flatten(0, 1), temperature * (q - p) / 15)


def test_a_merged_model_trains_whole_and_computes_the_same():
    grown = grow(make_model(), Growth(num_new_experts=NEW, dense="frozen"))
    train_some(grown, 2)
    merged = merge(grown)
    ids_BS = ids_of()
    assert merged.training
    assert torch.equal(merged.eval()(ids_BS).logits_BSV, grown.eval()(ids_BS).logits_BSV)
    assert all(p.requires_grad for p in merged.parameters())
    assert sum(p.numel() for p in merged.parameters()) == count_params(merged.arch).total
    before = rows_of(merged)
    train_some(merged.train(), 2)
    assert not any(torch.equal(rows[:OLD], before[key][:OLD]) for key, rows in rows_of(merged).items())


@pytest.mark.parametrize("fields", [{"tied_embeddings": True}, {"num_positions": 16}])
def test_every_tensor_is_merged(fields):
    torch.manual_seed(0)
    model = build(make_arch(MoE(**PART, num_shared_experts=1, d_shared=4, d_latent=4), **fields))
    merged = merge(grow(model, Growth(num_new_experts=1, start="fresh")))
    state = merged.state_dict()
    assert all(torch.equal(tensor, state[key][: len(tensor)]) for key, tensor in model.state_dict().items())
    assert (merged.unembedding.weight is merged.embedding.weight) == model.arch.tied_embeddings


@torch.no_grad()
def test_a_grown_model_is_exported_once_merged(tmp_path):
    grown = grow(make_model(), Growth(num_new_experts=NEW)).eval()
    with pytest.raises(ConfigError, match="merge"):
        save_hf(grown, tmp_path / "out", "mixtral")
    save_hf(merge(grown), tmp_path / "out", "mixtral")
    theirs = AutoModelForCausalLM.from_pretrained(tmp_path / "out").eval()
    assert theirs.config.num_local_experts == OLD + NEW
    want = grown(ids_of()).logits_BSV
    torch.testing.assert_close(theirs(ids_of()).logits, want, rtol=1e-5, atol=1e-5)
    assert torch.equal(load_hf(tmp_path / "out").eval()(ids_of()).logits_BSV, want)


class Chain:
    """A Markov chain over the vocabulary, of which batches (ids, next ids) are drawn."""

    def __init__(self, seed):
        generator = torch.Generator().manual_seed(seed)
        self.next_VV = torch.softmax(3 * torch.randn(VOCAB, VOCAB, generator=generator), 1)

    def batch(self, generator):
        ids = [torch.randint(0, VOCAB, (16,), generator=generator)]
        for _ in range(16):
            ids.append(torch.multinomial(self.next_VV[ids[-1]], 1, generator=generator)[:, 0])
        ids_BS = torch.stack(ids, 1)
        return ids_BS[:, :-1], ids_BS[:, 1:]


def learn(model, chain, steps=70, previous=None):
    generator = torch.Generator().manual_seed(5)
    trained = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=5e-3, weight_decay=0.1)
    for _ in range(steps):
        ids_BS, targets_BS = chain.batch(generator)
        output = model(ids_BS)
        loss = training_loss(output, targets_BS, LossConfig(balance=0.01)).total
        if previous is not None:
            with torch.no_grad():
                target = previous(ids_BS).logits_BSV
            loss = loss + distillation_loss(output.logits_BSV, target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return model


def test_growth_with_distillation_forgets_less_than_plain_training():
    chains = {"first": Chain(1), "second": Chain(2)}
    held_out = {
        name: [chain.batch(torch.Generator().manual_seed(9)) for _ in range(3)] for name, chain in chains.items()
    }
    torch.manual_seed(0)
    model = learn(build(make_arch(MoE(num_experts=4, top_k=2, d_expert=32), num_layers=1)), chains["first"])
    stage = evaluate_each(model, held_out)
    plain = learn(copy.deepcopy(model), chains["second"])
    growth = Growth(num_new_experts=4, dense="frozen")
    grown = learn(grow(model, growth), chains["second"], previous=frozen_copy(model))
    reports = {
        name: forgetting([stage, evaluate_each(m, held_out)]) for name, m in (("plain", plain), ("grown", grown))
    }
    lost = {name: report["first"].forgotten for name, report in reports.items()}
    assert lost["plain"] > 2 and lost["grown"] < 0.4 * lost["plain"], lost
    assert reports["grown"]["second"].last < stage["second"] - 1.5  # and it learns


def test_the_report_of_forgetting_tells_best_and_last():
    stages = [{"a": 2.0}, {"a": 1.5, "b": 3.0}, {"a": 2.5, "b": 1.0}]
    reports = forgetting(stages)
    assert reports == {
        "a": Forgetting(best=1.5, best_stage=1, last=2.5),
        "b": Forgetting(best=1.0, best_stage=2, last=1.0),
    }
    assert (reports["a"].forgotten, reports["b"].forgotten) == (1.0, 0.0)
    for bad in ([], [{"a": 1.0}, {"b": 1.0}]):
        with pytest.raises(ConfigError, match="stages"):
            forgetting(bad)


GROWTHS = (Growth(num_new_experts=2, dense="frozen"), Growth(num_new_experts=1, gate="trained"))


def twice_grown(**config):
    torch.manual_seed(0)
    model = build(make_arch(tied_embeddings=True), ModelConfig(router=TopK(balanced_by_bias=True), **config))
    for growth in GROWTHS:
        model = grow(model, growth)
    return model


@pytest.mark.parametrize("assign", [True, False])
def test_a_grown_models_state_loads_through_its_recorded_growths(assign):
    model = twice_grown()
    assert model.growths == GROWTHS
    again = regrow(model.arch, model.config, model.growths)
    again.load_state_dict(copy.deepcopy(model.state_dict()), assign=assign)
    assert torch.equal(again(ids_of()).logits_BSV, model(ids_of()).logits_BSV)
    for (name, ours), (other, theirs) in zip(again.named_parameters(), model.named_parameters(), strict=True):
        assert (name, ours.requires_grad) == (other, theirs.requires_grad)
    assert again.growths == GROWTHS and again.arch == model.arch


def test_a_grown_models_state_is_refused_by_one_that_has_not_grown():
    model = twice_grown()
    with pytest.raises(InputError, match=r"regrow\(arch, config, growths\)"):
        build(model.arch, model.config).load_state_dict(model.state_dict())
    with pytest.raises(ConfigError, match="num_experts"):
        regrow(make_arch(), model.config, [Growth(num_new_experts=4)])
    with pytest.raises(ConfigError, match="arch"):
        regrow(make_dense(), model.config, [])


def test_a_grown_model_trains_in_mixed_precision_on_shards(tmp_path):
    model = twice_grown()
    frozen = [buffer.clone() for name, buffer in model.named_buffers() if name.endswith("frozen")]
    want = model(ids_of()).logits_BSV
    with one_rank(tmp_path):
        for block in model.blocks:
            fully_shard(block, mp_policy=MixedPrecisionPolicy(param_dtype=torch.bfloat16))
        fully_shard(model, mp_policy=MixedPrecisionPolicy(param_dtype=torch.bfloat16))
        optimizer = torch.optim.AdamW(model.parameters())
        got = model(ids_of()).logits_BSV
        got.float().square().mean().backward()
        optimizer.step()
        want, got = want.detach(), got.detach()
        torch.testing.assert_close(got.float(), want, rtol=0.05, atol=0.05 * float(want.abs().max()))
        assert got.dtype == torch.bfloat16
        assert all(p.grad is not None for p in model.parameters() if p.requires_grad)
    after = [buffer for name, buffer in model.named_buffers() if name.endswith("frozen")]
    assert frozen and all(torch.equal(one, other) for one, other in zip(frozen, after, strict=True))
