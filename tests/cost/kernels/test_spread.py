import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimoe.arch.traffic import expected_distinct_experts
from optimoe.core.errors import ConfigError
from optimoe.cost.kernels.spread import UNIFORM, RoutingSkew, balanced, expected_maximum, power_law


def simulate(loads, top_k, tokens, ep, draws=200):
    """Distinct experts and the busiest rank by drawing: k experts of each token without replacement."""
    rng = np.random.default_rng(0)
    share = np.asarray(loads) / np.sum(loads)
    distinct, busiest, most = [], [], []
    for _ in range(draws):
        keys = np.log(share) + rng.gumbel(size=(tokens, len(share)))
        chosen = np.argsort(-keys, axis=1)[:, :top_k]
        counts = np.bincount(chosen.ravel(), minlength=len(share)).reshape(ep, -1)
        distinct.append((counts > 0).sum())
        busiest.append(counts.sum(axis=1).max())
        most.append((counts > 0).sum(axis=1).max())
    return np.mean(distinct), np.mean(busiest), np.mean(most)


def test_uniform_routing_reads_the_expected_distinct_experts():
    spread = UNIFORM.spread(np.array([1.0, 16.0, 400.0]), 64, 8)
    assert spread.distinct == pytest.approx(expected_distinct_experts(64, 8, np.array([1.0, 16.0, 400.0])))
    assert spread.pairs == pytest.approx(8 * np.array([1.0, 16.0, 400.0]))


@pytest.mark.parametrize("tokens", [4, 32, 256])
@pytest.mark.parametrize("ep", [1, 4, 8])
def test_the_busiest_rank_is_that_of_draws(tokens, ep):
    _, busiest, most = simulate(np.ones(64), 8, tokens, ep)
    spread = UNIFORM.spread(tokens, 64, 8, ep)
    assert spread.pairs == pytest.approx(busiest, rel=0.08)
    assert spread.distinct == pytest.approx(most, rel=0.12)


@pytest.mark.parametrize("tokens", [4, 32, 256])
@pytest.mark.parametrize("zipf", [0.3, 0.6])
def test_skewed_routing_reads_as_many_experts_as_draws(tokens, zipf):
    loads = np.arange(1, 65) ** -zipf
    distinct, _, _ = simulate(loads, 4, tokens, 1)
    assert RoutingSkew(zipf=zipf).spread(tokens, 64, 4).distinct == pytest.approx(distinct, rel=0.06)
    assert RoutingSkew(loads=tuple(loads.tolist())).spread(tokens, 64, 4).distinct == pytest.approx(
        distinct, rel=0.06
    )


def test_hot_experts_placed_at_random_load_the_busiest_rank_and_placement_evens_them():
    rng = np.random.default_rng(1)
    loads = np.arange(1, 129) ** -0.5
    drawn = np.mean([simulate(rng.permutation(loads), 8, 512, 8, draws=5)[1] for _ in range(40)])
    skewed = RoutingSkew(zipf=0.5).spread(512, 128, 8, 8).pairs
    assert skewed == pytest.approx(drawn, rel=0.1)
    even = RoutingSkew(zipf=0.5, balanced_ranks=True).spread(512, 128, 8, 8).pairs
    assert 512 < even < skewed


@given(
    tokens=st.integers(1, 5000),
    more=st.integers(1, 1000),
    ep=st.sampled_from([1, 2, 8, 32]),
    zipf=st.floats(0, 1.5),
    k=st.integers(1, 8),
)
def test_more_tokens_never_read_or_compute_less(tokens, more, ep, zipf, k):
    routing = RoutingSkew(zipf=zipf)
    now, then = (routing.spread(count, 128, k, ep) for count in (tokens, tokens + more))
    assert then.pairs >= now.pairs * (1 - 1e-12)
    assert then.distinct >= now.distinct * (1 - 1e-12)
    assert now.pairs >= tokens * k / ep * (1 - 1e-12)
    assert now.distinct <= 128 / ep


def test_the_coldest_experts_are_the_ones_missing():
    assert UNIFORM.spread(1000, 64, 4, resident=0.25).missing == pytest.approx(48, rel=1e-3)
    skewed = RoutingSkew(zipf=1.0).spread(4, 64, 4, resident=0.5)
    assert skewed.missing < 0.5 * skewed.distinct * 0.7
    assert RoutingSkew(zipf=1.0).spread(4, 64, 4).missing == 0


def test_a_grid_of_expert_counts_equals_its_scalars():
    routing, experts = RoutingSkew(zipf=0.7), np.array([8, 64, 256])
    grid = routing.spread(32, experts, 2, 4)
    for i, one in enumerate(experts):
        alone = routing.spread(32, int(one), 2, 4)
        assert grid.distinct[i] == pytest.approx(alone.distinct)
        assert grid.pairs[i] == pytest.approx(alone.pairs)


def test_the_expected_maximum_is_that_of_normal_draws():
    rng = np.random.default_rng(0)
    assert expected_maximum(1) == pytest.approx(0, abs=1e-12)
    for ranks in (2, 4, 8, 64):
        assert expected_maximum(ranks) == pytest.approx(
            rng.normal(size=(20000, ranks)).max(axis=1).mean(), rel=0.06
        )


def test_loads_and_exponents_have_limits():
    for bad in ({"zipf": -1.0}, {"loads": (0.0, 0.0)}, {"loads": (-1.0, 2.0)}, {"loads": (1.0,), "zipf": 1.0}):
        with pytest.raises(ConfigError):
            RoutingSkew(**bad)


@given(
    tokens=st.integers(1, 20_000),
    experts=st.sampled_from([8, 128, 256]),
    top_k=st.sampled_from([1, 2, 8]),
    ep=st.sampled_from([1, 2, 8]),
)
def test_skewed_routing_touches_no_more_experts_and_loads_the_busiest_rank_more(tokens, experts, top_k, ep):
    even = balanced(tokens, experts, top_k, ep)
    skewed = power_law(tokens, experts, top_k, 1.2, ep)
    assert skewed.pairs >= even.pairs * (1 - 1e-9)
    assert 1 <= skewed.distinct <= experts / ep
    assert even.distinct <= max(experts / ep, 1)
    if ep == 1:
        assert skewed.pairs == pytest.approx(tokens * top_k)
        assert skewed.distinct <= even.distinct * (1 + 1e-9)


def test_routing_takes_grids():
    tokens = np.array([1.0, 100.0, 10_000.0])
    grid = power_law(tokens, 128, 8, 1.2)
    alone = [power_law(one, 128, 8, 1.2).distinct for one in tokens]
    assert grid.distinct == pytest.approx(alone)
