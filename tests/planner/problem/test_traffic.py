"""The traffic of a model's life: dollars of whole deployments, and of tokens at a stated use."""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from optimoe.core.errors import ConfigError
from optimoe.planner.problem.traffic import YEAR_S, Traffic

TOKENS, RATES = st.floats(1e3, 1e14), st.floats(1.0, 1e7)
BOX = {"num_gpus": 8, "usd_per_gpu_hour": 2.0}


@given(tokens=TOKENS, rate=RATES, peak=st.floats(1.0, 10.0), life_s=st.floats(1e5, 1e9))
def test_dollars_of_a_rate_are_never_below_those_of_its_tokens_at_full_use(tokens, rate, peak, life_s):
    by_rate = Traffic(lifetime_tokens=tokens, life_s=life_s, rated=True, peak_to_mean=peak)
    by_tokens = Traffic(lifetime_tokens=tokens, life_s=life_s)
    whole = by_rate.served(tokens_per_s=rate, **BOX)
    shares = by_tokens.served(tokens_per_s=rate, **BOX)
    assert whole.usd >= shares.usd * (1 - 1e-9)
    assert whole.deployments >= shares.deployments
    assert whole.usd == pytest.approx(float(whole.usd_per_hour) * life_s / 3600)


@given(tokens=TOKENS, rate=RATES, peak=st.floats(1.0, 10.0))
def test_the_deployments_of_a_rate_are_the_fewest_that_carry_its_peak(tokens, rate, peak):
    traffic = Traffic(lifetime_tokens=tokens, rated=True, peak_to_mean=peak)
    load = tokens / YEAR_S * peak
    assume(load / rate < 1e9)
    fleet = traffic.served(tokens_per_s=rate, **BOX)
    assert fleet.deployments * rate >= load * (1 - 1e-9)
    assert (fleet.deployments - 1) * rate < load
    assert 0 < fleet.utilisation <= 1 + 1e-9


def test_tokens_cost_what_their_share_of_a_deployment_does_and_twice_that_half_used():
    full = Traffic(lifetime_tokens=3.6e9).served(tokens_per_s=1000.0, **BOX)
    half = Traffic(lifetime_tokens=3.6e9, utilisation=0.5).served(tokens_per_s=1000.0, **BOX)
    assert full.usd == pytest.approx(1000 * 8 * 2.0)
    assert half.usd == pytest.approx(2 * full.usd)
    assert full.gpu_hours == pytest.approx(8000)


def test_a_fleet_for_tokens_stands_as_large_as_their_use_asks_for():
    tokens = 2500 * YEAR_S
    assert Traffic(lifetime_tokens=tokens).served(tokens_per_s=1000.0, **BOX).deployments == 3
    half = Traffic(lifetime_tokens=tokens, utilisation=0.5).served(tokens_per_s=1000.0, **BOX)
    assert half.deployments == 5
    assert half.utilisation == pytest.approx(0.5)


def test_what_carries_nothing_costs_without_end():
    rates = np.array([0.0, 10.0])
    for rated in (False, True):
        fleet = Traffic(lifetime_tokens=1e6, rated=rated).served(tokens_per_s=rates, **BOX)
        assert math.isinf(fleet.usd[0])
        assert math.isfinite(fleet.usd[1])


@pytest.mark.parametrize(
    ("stated", "named"),
    [
        ({"lifetime_tokens": -1.0}, "serve_tokens"),
        ({"life_s": 0.0}, "life_days"),
        ({"peak_to_mean": 0.5, "rated": True}, "peak_to_mean"),
        ({"peak_to_mean": 2.0}, "peak_to_mean"),
        ({"utilisation": 0.0}, "utilisation"),
        ({"utilisation": 0.5, "rated": True}, "utilisation"),
        ({"lifetime_tokens": 0.0, "rated": True}, "requests_per_s"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_name(stated, named):
    with pytest.raises(ConfigError, match=named):
        Traffic(**({"lifetime_tokens": 1e6} | stated))
