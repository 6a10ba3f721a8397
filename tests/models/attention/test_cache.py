"""A cache: what follows it is what the whole sequence gives, and it holds no more than what can be seen."""

import pytest
import torch

from optimoe.arch.memory import kv_bytes
from optimoe.core.errors import ConfigError, InputError
from optimoe.models.attention.cache import Cache
from optimoe.models.attention.rope import Rotary, YarnScaling
from optimoe.models.config import ModelConfig, Multipliers
from optimoe.models.decoder import build
from tests.models.build import ROUTERS, ids_of, make_arch
from tests.models.shapes import ARCHS, MIXERS, with_mixer
from tests.models.test_documents import documents, make_model, routed_model

PIECES = [(1,) * 12, (4, 1, 1, 3, 1, 2), (2, 9, 1), (12,)]
"""Token by token, a prompt and then some at a time, and more at once than latent attention absorbs."""
ALONE = [name for name, router in ROUTERS.items() if router.decides_alone]


@torch.no_grad()
def in_pieces(model, ids_BS, sizes, **given):
    """Logits of a sequence that is given in pieces, with what is given for each of its tokens."""
    cache, logits, start = Cache(), [], 0
    for size in sizes:
        part = {name: tensor[:, start : start + size] for name, tensor in given.items()}
        logits.append(model(ids_BS[:, start : start + size], cache=cache, **part).logits_BSV)
        start += size
    return torch.cat(logits, dim=1)


def close(one, other):
    torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-10)


def assert_pieces_are_the_whole(model):
    ids_BS = ids_of(2, 12)
    whole = model(ids_BS).logits_BSV
    for sizes in PIECES:
        close(in_pieces(model, ids_BS, sizes), whole)


@pytest.mark.parametrize("name", ARCHS)
def test_a_sequence_in_pieces_has_the_logits_of_the_whole_whatever_its_parts(name):
    assert_pieces_are_the_whole(make_model(ARCHS[name]))


@pytest.mark.parametrize("name", ALONE)
def test_a_sequence_in_pieces_has_the_logits_of_the_whole_whatever_its_router(name):
    assert_pieces_are_the_whole(routed_model(ROUTERS[name]))


@pytest.mark.parametrize("mixer", ["grouped", "latent"])
def test_a_sequence_in_pieces_has_the_logits_of_the_whole_however_it_is_turned_and_scaled(mixer):
    yarn = YarnScaling(
        factor=4.0, original_positions=6, beta_fast=3.0, beta_slow=0.3, mscale=0.8, mscale_all_dim=0.6
    )
    rotary = Rotary(theta=500.0, share=0.5 if mixer == "grouped" else 1.0, scaling=yarn)
    for multipliers in (Multipliers(), Multipliers(attention=0.3, embedding=3.0, residual=0.4, logits=0.5)):
        config = ModelConfig(rotary=rotary, multipliers=multipliers, init_std=0.3)
        assert_pieces_are_the_whole(build(with_mixer(MIXERS[mixer]), config).double().eval())


@pytest.mark.parametrize("name", [name for name in ARCHS if "mixer" in name or name == "learned positions"])
def test_packed_documents_with_padding_in_pieces_have_the_logits_of_the_whole(name):
    model = make_model(ARCHS[name])
    _, one_BS, documents_BS = documents()
    ids_BS = torch.cat([one_BS, ids_of(1, one_BS.shape[1])])
    document_BS = torch.cat([documents_BS, torch.full_like(documents_BS, 3)])  # of rows that differ
    whole = model(ids_BS, document_BS=document_BS).logits_BSV
    for sizes in ((1,) * 21, (4, 1, 7, 1, 5, 3), (1, 20)):
        close(in_pieces(model, ids_BS, sizes, document_BS=document_BS), whole)


@pytest.mark.parametrize("name", [name for name in ARCHS if "mixer" in name or name == "learned positions"])
def test_what_follows_a_document_goes_on_with_it(name):
    model, ids_BS = make_model(ARCHS[name]), ids_of(2, 9)
    document_BS = torch.tensor([[-1, -1, 2, 2, 2], [0, 0, 1, 1, 1]])
    later_BS = document_BS[:, -1:].expand(-1, 4)
    whole = model(ids_BS, document_BS=torch.cat([document_BS, later_BS], dim=1)).logits_BSV
    cache = Cache()
    with torch.no_grad():
        model(ids_BS[:, :5], document_BS=document_BS, cache=cache)
        later = [model(part, cache=cache).logits_BSV for part in ids_BS[:, 5:].split([1, 2, 1], dim=1)]
    close(torch.cat(later, dim=1), whole[:, 5:])


@torch.no_grad()
def test_a_document_may_begin_after_tokens_of_none():
    model, ids_BS = make_model(ARCHS["several groups"]), ids_of(2, 8)
    cache = Cache()
    model(ids_BS[:, :4], cache=cache)
    numbers_BS = torch.tensor([[0, 0, 1, 1], [1, 1, 1, 1]])
    whole_BS = torch.cat([torch.zeros_like(numbers_BS), numbers_BS], dim=1)
    whole = model(ids_BS, document_BS=whole_BS).logits_BSV
    close(model(ids_BS[:, 4:], document_BS=numbers_BS, cache=cache).logits_BSV, whole[:, 4:])


@pytest.mark.parametrize("name", ["mixer grouped", "mixer chunks", "learned positions"])
@torch.no_grad()
def test_given_positions_go_on(name):
    model, ids_BS, at_BS = make_model(ARCHS[name]), ids_of(2, 9), torch.arange(4, 13) + torch.tensor([[0], [7]])
    whole = model(ids_BS, position_BS=at_BS).logits_BSV
    close(in_pieces(model, ids_BS, (4, 1, 1, 3), position_BS=at_BS), whole)
    cache = Cache()
    model(ids_BS[:, :4], position_BS=at_BS[:, :4], cache=cache)
    close(model(ids_BS[:, 4:], cache=cache).logits_BSV, whole[:, 4:])


@pytest.mark.parametrize("name", [name for name in ARCHS if "mixer" in name or name == "several groups"])
@pytest.mark.parametrize(("dtype", "precision"), [(torch.float32, "fp32"), (torch.bfloat16, "bf16")])
@torch.no_grad()
def test_one_sequence_is_held_in_the_bytes_that_are_counted(name, dtype, precision):
    """Below a window of 3 and beyond it; what is reserved for that many tokens is no more."""
    model = build(ARCHS[name]).to(dtype).eval()
    for sizes in ((2,), (3,), (2, 1, 5), (1,) * 8):
        cache, tokens = Cache(reserve=sum(sizes)), sum(sizes)
        for size in sizes:
            model(ids_of(1, size), cache=cache)
        parts = [part for layer in range(len(model.blocks)) for part in cache.layer(layer).parts]
        stored = sum(part.untyped_storage().nbytes() for part in parts)
        assert cache.num_bytes == stored == kv_bytes(ARCHS[name], tokens, precision)


@torch.no_grad()
def test_room_is_made_seldom():
    model, cache, rooms = build(ARCHS["mixer grouped"]).eval(), Cache(), []
    for _ in range(60):
        model(ids_of(1, 1), cache=cache)
        rooms.append(cache.layer(0).parts[0].shape[2])
    assert len(set(rooms)) < 12 and rooms[-1] < 90


@torch.no_grad()
def test_rows_are_kept_in_any_order():
    model, ids_BS = make_model(ARCHS["several groups"]), ids_of(3, 8)
    document_BS = torch.tensor([[0, 0, 0, 0], [-1, -1, 0, 0], [-1, 0, 0, 0]])
    cache, row_B = Cache(), torch.tensor([2, 1, 1])
    model(ids_BS[:, :4], document_BS=document_BS, cache=cache)
    cache.select(row_B)
    whole = model(ids_BS[row_B], document_BS=torch.cat([document_BS, torch.zeros_like(document_BS)], 1)[row_B])
    close(model(ids_BS[row_B, 4:], cache=cache).logits_BSV, whole.logits_BSV[:, 4:])


@torch.no_grad()
def test_a_pass_that_failed_may_be_repeated():
    model, ids_BS = make_model(make_arch()), ids_of(1, 6)
    cache, decision = Cache(), model(ids_BS[:, :2]).routings[1]
    model(ids_BS[:, :5], cache=cache)
    with pytest.raises(InputError, match="replay"):  # in layer 1, when layer 0 holds the token already
        model(ids_BS[:, 5:], cache=cache, replay={1: decision})
    close(model(ids_BS[:, 5:], cache=cache).logits_BSV, model(ids_BS).logits_BSV[:, 5:])


@torch.no_grad()
def test_logits_of_the_last_tokens_alone():
    model, ids_BS = make_model(make_arch()), ids_of(2, 6)
    last = model(ids_BS, last_only=True).logits_BSV
    close(last, model(ids_BS).logits_BSV[:, -1:])


NOT_ALONE = {
    "capacity by position": "router: top_k of layer 0 weighs .*eval_capacity_factor",
    "expert choice by position": 'router: expert_choice of layer 0 weighs .*evaluation="token_choice"',
}


@pytest.mark.parametrize("name", NOT_ALONE)
@torch.no_grad()
def test_a_router_that_weighs_tokens_against_each_other_is_refused_with_the_remedy(name):
    with pytest.raises(ConfigError, match=NOT_ALONE[name]) as error:
        routed_model(ROUTERS[name])(ids_of(), cache=Cache())
    assert "\n" not in str(error.value)


def test_what_a_cache_cannot_follow_is_one_line():
    model = make_model(ARCHS["learned positions"])
    with pytest.raises(ConfigError, match=r"cache: .*gradients are kept; torch.no_grad\(\)"):
        model(ids_of(), cache=Cache())
    with torch.no_grad():
        with pytest.raises(ConfigError, match=r"cache: .*training; model.eval\(\)"):
            model.train()(ids_of(), cache=Cache())
        model.eval()
        cache = Cache()
        model(ids_of(2, 30), cache=cache)
        with pytest.raises(ConfigError, match="ids: must be 2 rows, as the cache, got 1"):
            model(ids_of(1, 1), cache=cache)
        with pytest.raises(InputError, match="ids: must be at most 32 positions long, got 33"):
            model(ids_of(2, 3), cache=cache)
        padded = Cache()
        model(torch.zeros(1, 2, dtype=torch.int64), document_BS=torch.tensor([[0, -1]]), cache=padded)
        with pytest.raises(InputError, match="document_BS: must be given after padding"):
            model(torch.zeros(1, 1, dtype=torch.int64), cache=padded)
    with pytest.raises(ConfigError, match="reserve: must be zero or more"):
        Cache(reserve=-1)
