"""Hash tables: balanced by frequencies, or the token id modulo the experts."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from optimoe.arch.parts import MoE
from optimoe.core.errors import InputError
from optimoe.models.routers import Hash
from optimoe.models.routers.hashing import balanced_table
from optimoe.models.routing import count_load
from tests.models.build import VOCAB, ids_of, make_layer
from tests.models.comparison import D, inputs


def test_balanced_hash_is_exactly_balanced():
    table = balanced_table([3] * 60, 12)
    assert all(table.count(expert) == 5 for expert in range(12))
    router = Hash().build(MoE(num_experts=8, top_k=2, d_expert=4), D, 64)
    load_E = count_load(router(torch.zeros(1, 64, D), torch.arange(64)[None]).expert_TK, 8)
    assert (load_E == 16).all()


@given(counts=st.lists(st.integers(0, 1000), min_size=1, max_size=60), num_experts=st.integers(1, 9))
def test_a_hash_table_of_frequencies_is_as_even_as_its_rarest_tokens_allow(counts, num_experts):
    table = balanced_table(counts, num_experts)
    loads = [0] * num_experts
    last = [0] * num_experts
    for token in sorted(range(len(counts)), key=lambda token: (-counts[token], token)):
        loads[table[token]] += counts[token]
        last[table[token]] = counts[token]
    busiest = max(range(num_experts), key=loads.__getitem__)
    assert max(loads) - min(loads) <= last[busiest]


def test_modulo_hash_takes_the_token_id():
    config = Hash(table="modulo")
    router = config.build(MoE(num_experts=5, top_k=1, d_expert=4), D, VOCAB)
    ids_BS = ids_of()
    assert torch.equal(router(torch.zeros(2, 8, D), ids_BS).expert_TK[:, 0], ids_BS.reshape(-1) % 5)


def test_hash_routing_without_ids_is_refused():
    with pytest.raises(InputError, match="ids"):
        make_layer(Hash())(inputs()[0])
