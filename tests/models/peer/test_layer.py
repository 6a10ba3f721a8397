"""PEER against a dense retrieval and a plain loop, in float64."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from optimoe.arch.parts import PEER
from optimoe.core.errors import InputError
from optimoe.models.experts.activations import find_activation
from optimoe.models.peer.layer import PEERLayer

TOLERANCE = 1e-10


def make_layer(seed=0, **changes):
    torch.manual_seed(seed)
    settings = {"num_keys": 7, "num_heads": 3, "top_k": 4, "d_key": 6} | changes
    return PEERLayer(8, **settings).double()


def dense_scores(layer, x_TD):
    """All n² scores of every head."""
    q = layer.norm(layer.query(x_TD)).view(len(x_TD), layer.num_heads, 2, layer.d_key // 2)
    first, second = (torch.einsum("thc,hnc->thn", q[:, :, i], layer.keys[:, i]) for i in (0, 1))
    return (first.unsqueeze(-1) + second.unsqueeze(-2)).flatten(2)


def dense_layer(layer, x_TD):
    """Every expert is computed; those outside a head's best K get gate 0."""
    scores = dense_scores(layer, x_TD)
    best = scores.topk(layer.top_k, dim=-1)
    gate = best.values.softmax(-1) if layer.gates == "softmax" else best.values.sigmoid()
    gates = torch.zeros_like(scores).scatter(-1, best.indices, gate).sum(1)
    return (gates * find_activation(layer.activation).function(x_TD @ layer.down.T)) @ layer.up


@settings(max_examples=30, deadline=None)
@given(
    n=st.integers(2, 12), k=st.integers(2, 12), h=st.integers(1, 3), T=st.integers(1, 5), seed=st.integers(0, 99)
)
def test_retrieval_is_that_of_brute_force(n, k, h, T, seed):
    layer = make_layer(seed, num_keys=n, top_k=min(k, n), num_heads=h)
    x_TD = torch.randn(T, 8, dtype=torch.float64)
    score, expert = layer.retrieve_by_product_keys(x_TD)
    want = dense_scores(layer, x_TD).topk(layer.top_k, dim=-1)
    torch.testing.assert_close(score, want.values, rtol=TOLERANCE, atol=TOLERANCE)
    assert torch.equal(expert.sort(-1).values, want.indices.sort(-1).values)


def test_retrieval_with_equal_scores_is_as_good_as_brute_force():
    layer = make_layer()
    torch.nn.init.zeros_(layer.keys)
    score, expert = layer.retrieve_by_product_keys(torch.randn(5, 8, dtype=torch.float64))
    assert not score.any()
    assert all(len(set(head.tolist())) == layer.top_k for head in expert.flatten(0, 1))


@pytest.mark.parametrize("query_norm", ["layernorm", "batchnorm", "none"])
@pytest.mark.parametrize("gates", ["softmax", "sigmoid"])
@pytest.mark.parametrize("activation", ["gelu", "relu", "silu"])
def test_outputs_and_gradients_are_those_of_the_dense_layer(query_norm, gates, activation):
    layer = make_layer(query_norm=query_norm, gates=gates, activation=activation)
    x_TD = torch.randn(9, 8, dtype=torch.float64, requires_grad=True)
    leaves = [x_TD, *layer.parameters()]
    seed_TD = torch.randn(9, 8, dtype=torch.float64)
    got, want = layer(x_TD)[0], dense_layer(layer, x_TD)
    torch.testing.assert_close(got, want, rtol=TOLERANCE, atol=TOLERANCE)
    ours, dense = (torch.autograd.grad(y, leaves, seed_TD) for y in (got, want))
    for mine, other in zip(ours, dense, strict=True):
        torch.testing.assert_close(mine, other, rtol=TOLERANCE, atol=TOLERANCE)


@pytest.mark.parametrize("gates", ["softmax", "sigmoid"])
def test_every_one_of_a_heads_experts_contributes(gates):
    layer = make_layer(gates=gates)
    x_TD = torch.randn(6, 8, dtype=torch.float64)
    y_TD, stats = layer(x_TD)
    assert (stats.gate_THK > 0).all() and stats.expert_THK.shape == (6, 3, 4)
    for token, expert in enumerate(stats.expert_THK.flatten(1)):
        for e in set(expert.tolist()):
            with torch.no_grad():
                kept = layer.up[e].clone()
                layer.up[e] = 0
                changed = layer(x_TD)[0][token]
                layer.up[e] = kept
            assert (changed - y_TD[token]).abs().max() > 1e-6


@pytest.mark.parametrize("query_norm", [True, False])
@pytest.mark.parametrize("batch_norm", [True, False])
def test_parameters_are_those_that_the_architecture_counts(query_norm, batch_norm):
    part = PEER(num_keys=5, num_heads=2, top_k=3, d_key=4, query_norm=query_norm)
    layer, counted = PEERLayer.from_part(part, 8, batch_norm=batch_norm), part.params(8)
    experts = layer.down.numel() + layer.up.numel()
    assert experts == counted["routed_experts"]
    assert sum(p.numel() for p in layer.parameters()) == counted["router"] + counted["routed_experts"]


def test_many_rows_are_summed_in_chunks_without_a_change(monkeypatch):
    layer = make_layer(num_keys=9)
    x_TD = torch.randn(9, 8, dtype=torch.float64)
    whole = torch.autograd.grad(layer(x_TD)[0].square().sum(), [layer.down, layer.up])
    monkeypatch.setattr("optimoe.models.peer.pool.CHUNK_ROWS", 10)
    for mine, other in zip(
        torch.autograd.grad(layer(x_TD)[0].square().sum(), [layer.down, layer.up]), whole, strict=True
    ):
        torch.testing.assert_close(mine, other, rtol=TOLERANCE, atol=TOLERANCE)


def test_a_token_sees_no_other_token():
    layer = make_layer().train()
    x_TD = torch.randn(6, 8, dtype=torch.float64)
    changed_TD = torch.cat([x_TD[:3], torch.randn(3, 8, dtype=torch.float64)])
    torch.testing.assert_close(layer(changed_TD)[0][:3], layer(x_TD)[0][:3], rtol=TOLERANCE, atol=TOLERANCE)


@pytest.mark.parametrize("T", [0, 1])
def test_no_token_and_one_token_pass(T):
    layer = make_layer()
    y_TD, stats = layer(torch.randn(T, 8, dtype=torch.float64))
    y_TD.sum().backward()
    assert y_TD.shape == (T, 8) and stats.expert_THK.shape == (T, 3, 4)
    assert layer.down.grad.any() == (T > 0)


def test_frozen_tables_get_no_gradient():
    layer = make_layer()
    layer.down.requires_grad_(False), layer.up.requires_grad_(False)
    layer(torch.randn(5, 8, dtype=torch.float64))[0].sum().backward()
    assert layer.down.grad is None and layer.keys.grad.any()


def test_statistics_tell_what_was_retrieved():
    layer = make_layer()
    _, stats = layer(torch.randn(9, 8, dtype=torch.float64))
    assert float(stats.load_N().sum()) == pytest.approx(1)
    assert float(stats.used_fraction()) == pytest.approx(len(stats.expert_THK.unique()) / 49)
    assert float(stats.unevenness()) > 0


def test_the_pool_is_a_well_formed_operator():
    layer, x_TD = make_layer(), torch.randn(5, 8, dtype=torch.float64, requires_grad=True)
    expert_TJ, gate_TJ = torch.randint(0, 49, (5, 12)), torch.rand(5, 12, dtype=torch.float64)
    args = (x_TD, expert_TJ, gate_TJ.requires_grad_(), layer.down, layer.up, "gelu")
    torch.library.opcheck(torch.ops.optimoe.expert_pool.default, args)


def test_the_layer_is_one_graph():
    layer, x_TD = make_layer(), torch.randn(5, 8, dtype=torch.float64)
    compiled = torch.compile(lambda x: layer(x)[0], backend="aot_eager", fullgraph=True)
    torch.testing.assert_close(compiled(x_TD), layer(x_TD)[0])


@pytest.mark.parametrize(
    "change", [{"top_k": 8}, {"d_key": 5}, {"num_heads": 0}, {"query_norm": "rms"}, {"gates": "relu"}]
)
def test_a_wrong_shape_is_refused(change):
    with pytest.raises(InputError, match=next(iter(change))):
        make_layer(**change)


def test_the_first_scores_and_outputs_are_about_as_large_as_the_input():
    """A score is a sum over two halves, each of variance 1; half of an output's variance goes with the gates."""
    torch.manual_seed(0)
    layer, x_TD = (
        PEERLayer(64, num_keys=32, num_heads=4, top_k=8, d_key=32).double(),
        torch.randn(2000, 64).double(),
    )
    with torch.no_grad():
        assert dense_scores(layer, x_TD[:200]).var().item() == pytest.approx(2, rel=0.1)
        assert layer(x_TD)[0].var().item() == pytest.approx(0.5, rel=0.1)
