"""Packed documents, padding, positions and repeated decisions, for every mixer, router and feed-forward."""

import pytest
import torch

from optimoe.arch.parts import Attention, MoE
from optimoe.core.errors import ConfigError, InputError
from optimoe.models.config import LossConfig, ModelConfig
from optimoe.models.decoder import build
from optimoe.models.losses import count_valid, training_loss
from optimoe.models.losses.values import number_documents
from tests.models.build import ALONE, ROUTERS, VOCAB, make_arch, top_k_of
from tests.models.shapes import ARCHS, with_mixer

LENGTHS = (3, 6, 1, 5)


def make_model(arch, router=None):
    torch.manual_seed(0)
    model = build(arch, ModelConfig(**({"router": router} if router else {}), init_std=0.3)).double().eval()
    for name, buffer in model.named_buffers():
        if "balance_bias" in name:
            buffer.normal_(std=0.1)
    return model


def routed_model(router):
    return make_model(make_arch(MoE(num_experts=4, top_k=top_k_of(router), d_expert=8)), router)


def documents():
    """Documents of some lengths, their pack with padding around and between, and its numbers."""
    torch.manual_seed(1)
    texts = [torch.randint(0, VOCAB, (length,)) for length in LENGTHS]
    rows, numbers = [torch.zeros(2, dtype=torch.int64)], [torch.full((2,), -1)]
    for number, text in enumerate(texts):
        rows += [text] if number != 1 else [text, torch.zeros(1, dtype=torch.int64)]
        numbers += [torch.full_like(text, number)] + ([torch.full((1,), -1)] if number == 1 else [])
    rows, numbers = [*rows, torch.zeros(3, dtype=torch.int64)], [*numbers, torch.full((3,), -1)]
    return texts, torch.cat(rows)[None], torch.cat(numbers)[None]


def check_pack(model):
    texts, ids_BS, document_BS = documents()
    packed = model(ids_BS, document_BS=document_BS)
    assert torch.isfinite(packed.logits_BSV).all()
    own = [packed.logits_BSV[0][document_BS[0] == number] for number in range(len(texts))]
    alone = [model(text[None]).logits_BSV[0] for text in texts]
    for mine, theirs in zip(own, alone, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-9, atol=1e-10)
    torch.manual_seed(2)
    pull = [torch.randn_like(one) for one in alone]
    for outputs in (own, alone):
        model.zero_grad()
        sum((one * weight).sum() for one, weight in zip(outputs, pull, strict=True)).backward()
        yield {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}


def assert_pack_is_its_documents(model):
    packed, alone = check_pack(model)
    assert packed.keys() == alone.keys()
    for name, grad in packed.items():
        torch.testing.assert_close(grad, alone[name], rtol=1e-8, atol=1e-9, msg=name)


@pytest.mark.parametrize("name", ARCHS)
def test_a_pack_of_documents_is_its_documents_one_by_one_whatever_its_parts(name):
    assert_pack_is_its_documents(make_model(ARCHS[name]))


@pytest.mark.parametrize("name", [name for name in ALONE if ROUTERS[name].causal])
def test_a_pack_of_documents_is_its_documents_one_by_one_whatever_its_router(name):
    assert_pack_is_its_documents(routed_model(ROUTERS[name]))


def test_losses_take_documents_and_padding_from_the_output():
    model = make_model(make_arch()).train()
    texts, ids_BS, document_BS = documents()
    targets_BS = torch.where(document_BS >= 0, (ids_BS + 1) % VOCAB, 5)
    config = LossConfig(balance=0.1, z=0.1)
    packed = training_loss(model(ids_BS, document_BS=document_BS), targets_BS, config)
    told = training_loss(model(ids_BS, document_BS=document_BS), targets_BS, config, document_BS=document_BS)
    assert packed.total == told.total
    assert packed.num_valid.targets == sum(LENGTHS)
    plain = [training_loss(model(text[None]), (text[None] + 1) % VOCAB, LossConfig()).language for text in texts]
    mean = sum(one * len(text) for one, text in zip(plain, texts, strict=True)) / sum(LENGTHS)
    torch.testing.assert_close(packed.language, mean)


def test_positions_may_be_given():
    model = make_model(ARCHS["learned positions"])
    ids_BS = torch.randint(0, VOCAB, (2, 6))
    at_BS = torch.arange(6).expand(2, 6)
    assert torch.equal(model(ids_BS, position_BS=at_BS).logits_BSV, model(ids_BS).logits_BSV)
    assert not torch.equal(model(ids_BS, position_BS=at_BS + 1).logits_BSV, model(ids_BS).logits_BSV)


@pytest.mark.parametrize("name", ROUTERS)
def test_a_recorded_decision_is_repeated(name):
    model = routed_model(ROUTERS[name]).train()
    ids_BS = torch.randint(0, VOCAB, (2, 6))
    torch.manual_seed(4)
    first = model(ids_BS)
    again = model(ids_BS, replay=first.routings)
    for layer, routing in first.routings.items():
        assert torch.equal(again.routings[layer].expert_TK, routing.expert_TK)
    other_BS = (ids_BS + 1) % VOCAB
    moved = model(other_BS, replay=first.routings)
    assert all(torch.equal(moved.routings[k].expert_TK, one.expert_TK) for k, one in first.routings.items())
    model.zero_grad()
    again.logits_BSV.square().sum().backward()
    assert all(torch.isfinite(p.grad).all() for p in model.parameters() if p.grad is not None)


@pytest.mark.parametrize(
    ("ids", "more", "line"),
    [
        ((6,), {}, "ids: must be sequences × positions, got 1 axes"),
        ((2, 6), {"document_BS": (2, 5)}, r"document_BS: must be \(2, 6\), as ids, got \(2, 5\)"),
        ((2, 6), {"position_BS": (6,)}, r"position_BS: must be \(2, 6\), as ids, got \(6,\)"),
    ],
)
def test_a_shape_that_does_not_fit_is_one_line(ids, more, line):
    given = {name: torch.zeros(shape, dtype=torch.int64) for name, shape in more.items()}
    with pytest.raises(ConfigError, match=line):
        make_model(make_arch())(torch.zeros(ids, dtype=torch.int64), **given)


@pytest.mark.parametrize("name", [name for name in ARCHS if name.startswith("mixer ")])
def test_given_positions_cut_chunks_and_turn_angles_as_those_of_a_document_do(name):
    """Chunks end where positions say, within a row that is shorter than a chunk too."""
    model = make_model(ARCHS[name])
    ids_BS, at_BS = torch.randint(0, VOCAB, (2, 6)), torch.arange(4, 10).expand(2, 6)
    one = model(ids_BS, position_BS=at_BS).logits_BSV
    told = model(ids_BS, position_BS=at_BS, document_BS=torch.zeros_like(ids_BS)).logits_BSV
    torch.testing.assert_close(one, told, rtol=1e-9, atol=1e-10)
    if name == "mixer chunks":  # of 3 tokens: the second begins at position 6
        other_BS = torch.cat([(ids_BS[:, :2] + 1) % VOCAB, ids_BS[:, 2:]], dim=1)
        moved = model(other_BS, position_BS=at_BS).logits_BSV
        torch.testing.assert_close(moved[:, 2:], one[:, 2:], rtol=1e-9, atol=1e-10)


def test_a_chunk_wider_than_the_row_ends_where_given_positions_say():
    wide = Attention(num_heads=4, num_kv_heads=2, head_dim=4, window_tokens=8, chunked=True)
    model = make_model(with_mixer(wide))
    ids_BS, at_BS = torch.randint(0, VOCAB, (1, 6)), torch.arange(4, 10)[None]
    other_BS = torch.cat([(ids_BS[:, :4] + 1) % VOCAB, ids_BS[:, 4:]], dim=1)
    one, moved = (model(ids, position_BS=at_BS).logits_BSV for ids in (ids_BS, other_BS))
    torch.testing.assert_close(moved[:, 4:], one[:, 4:], rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize(
    ("ids", "more", "line"),
    [
        ([[0, VOCAB]], {}, f"ids: must be from 0 to {VOCAB - 1}, got {VOCAB}"),
        ([[-1, 0]], {}, f"ids: must be from 0 to {VOCAB - 1}, got -1"),
        ([[0.5, 0.0]], {}, "ids: must be integers, got torch.float32"),
        ([[0, 1]], {"position_BS": torch.tensor([[0, 32]])}, "positions: must be from 0 to 31, got 32"),
    ],
)
def test_an_index_out_of_range_is_one_line(ids, more, line):
    with pytest.raises(InputError, match=line):
        make_model(ARCHS["learned positions"])(torch.tensor(ids), **more)


def test_more_positions_than_are_learned_are_one_line():
    with pytest.raises(InputError, match="ids: must be at most 32 positions long, got 33"):
        make_model(ARCHS["learned positions"])(torch.zeros(1, 33, dtype=torch.int64))


@pytest.mark.parametrize("shape", [(0, 6), (2, 0)])
def test_an_empty_batch_has_empty_logits(shape):
    for name in ("mixer grouped", "mixer latent", "mixer window and sinks"):
        assert make_model(ARCHS[name])(torch.zeros(shape, dtype=torch.int64)).logits_BSV.shape == (*shape, VOCAB)


def test_attention_and_losses_mean_the_same_by_a_document():
    """A run of equal numbers: one that comes again after another document is a new one, in both."""
    document_BS = torch.tensor([[3, 3, 0, 3, -1, 3]])
    counted = count_valid(torch.zeros(1, 6, dtype=torch.int64), document_BS)
    assert (int(counted.sequences), int(counted.tokens)) == (4, 5)
    group_T, num_groups = number_documents(document_BS)
    assert num_groups == 4
    assert group_T[[0, 1, 2, 3, 5]].tolist() == [0, 0, 1, 2, 3]
    model, ids_BS = make_model(make_arch()), torch.randint(0, VOCAB, (1, 6))
    seen = model(ids_BS, document_BS=document_BS).logits_BSV
    renumbered = model(ids_BS, document_BS=torch.tensor([[0, 0, 1, 2, -1, 3]])).logits_BSV
    assert torch.equal(seen, renumbered)
