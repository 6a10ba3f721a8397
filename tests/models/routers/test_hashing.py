"""Hash tables: balanced by frequencies in every slot, or the token id modulo the experts."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from optimoe.arch.parts import MoE
from optimoe.core.errors import ConfigError, InputError
from optimoe.models.config import ModelConfig
from optimoe.models.decoder import build
from optimoe.models.routers import Hash
from optimoe.models.routers.hashing import balanced_tables, even_tables
from optimoe.models.routing import count_load
from tests.models.build import VOCAB, ids_of, make_arch, make_layer
from tests.models.comparison import D, inputs


def table_of(vocab_size, num_experts, top_k, layer=0, **config):
    part = MoE(num_experts=num_experts, top_k=top_k, d_expert=4)
    return Hash(**config).build(part, D, vocab_size, layer).table_VK


@given(tokens=st.integers(1, 60), num_experts=st.integers(1, 9), top_k=st.integers(1, 9), seed=st.integers(0, 9))
def test_every_slot_of_a_table_is_balanced_and_a_tokens_experts_are_distinct(tokens, num_experts, top_k, seed):
    random = np.random.default_rng(seed)
    table_VK = even_tables(tokens, num_experts, min(top_k, num_experts), random)
    for load_E in (np.bincount(slot, minlength=num_experts) for slot in table_VK.T):
        assert np.ptp(load_E) <= (tokens % num_experts > 0)
    assert all(len(set(row)) == len(row) for row in table_VK.tolist())


@given(
    counts=st.lists(st.integers(0, 1000), min_size=1, max_size=60),
    num_experts=st.integers(1, 9),
    top_k=st.integers(1, 4),
)
def test_a_hash_table_of_frequencies_is_as_even_as_its_tokens_allow(counts, num_experts, top_k):
    table_VK = balanced_tables(counts, num_experts, min(top_k, num_experts), np.random.default_rng(0))
    assert all(len(set(row)) == len(row) for row in table_VK.tolist())
    for slot, column in enumerate(table_VK.T):
        load_E = np.bincount(column, weights=counts, minlength=num_experts)
        # At worst the least loaded experts are those that the token has in the slots before.
        assert np.ptp(load_E) <= max(counts) * (slot + 1)


def test_a_table_of_the_frequencies_of_a_language_is_balanced():
    counts = tuple(int(1e7 / rank) for rank in range(1, 2001))
    table_VK = table_of(2000, 8, 3, token_counts=counts)
    for slot in range(3):
        load_E = torch.bincount(table_VK[:, slot], weights=torch.tensor(counts, dtype=torch.float64))
        assert float(load_E.max() / load_E.mean()) < 1.001


@pytest.mark.parametrize("counted", [False, True])
@pytest.mark.parametrize(("num_experts", "top_k"), [(8, 2), (6, 3), (16, 2)])
def test_any_set_of_experts_can_meet_in_a_token(num_experts, top_k, counted):
    """With offsets of ⌊E/k⌋ from one table, 8 experts had 4 of 28 pairs: k = 1 of wider experts in disguise."""
    counts = {"token_counts": tuple(100 + token % 7 for token in range(6000))} if counted else {}
    table_VK = table_of(6000, num_experts, top_k, **counts)
    sets = {tuple(sorted(row)) for row in table_VK.tolist()}
    assert sets == set(itertools.combinations(range(num_experts), top_k))
    first_E = torch.bincount(table_VK[table_VK[:, 0] == 0, 1], minlength=num_experts)[1:].double()
    assert float(first_E.min() / first_E.mean()) > 0.5  # the second slot is not told by the first


def test_layers_and_seeds_have_tables_of_their_own_and_the_same_ones_again():
    tables = [table_of(64, 8, 2, layer, seed=seed) for layer in (0, 1) for seed in (0, 1)]
    for one, other in itertools.combinations(tables, 2):
        assert 0.05 < (one == other).double().mean() < 0.25  # of 1/8 by chance
    assert torch.equal(table_of(64, 8, 2, 1, seed=1), tables[-1])
    model = build(make_arch(), ModelConfig(router=Hash()))
    first, second = (router.table_VK.clone() for router in model.routers.values())
    assert not torch.equal(first, second)
    model.reset_parameters()
    assert torch.equal(model.routers[1].table_VK, second)


def test_balanced_hash_is_exactly_balanced():
    router = Hash().build(MoE(num_experts=8, top_k=2, d_expert=4), D, 64)
    load_E = count_load(router(torch.zeros(1, 64, D), torch.arange(64)[None]).expert_TK, 8)
    assert (load_E == 16).all()


def test_modulo_hash_takes_the_token_id_and_one_expert():
    config = Hash(table="modulo")
    router = config.build(MoE(num_experts=5, top_k=1, d_expert=4), D, VOCAB)
    ids_BS = ids_of()
    assert torch.equal(router(torch.zeros(2, 8, D), ids_BS).expert_TK[:, 0], ids_BS.reshape(-1) % 5)
    with pytest.raises(ConfigError, match="table: must be balanced where top_k is above 1, got modulo"):
        table_of(VOCAB, 5, 2, table="modulo")


def test_hash_routing_without_ids_is_refused():
    with pytest.raises(InputError, match="ids"):
        make_layer(Hash())(inputs()[0])
