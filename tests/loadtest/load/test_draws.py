"""Lengths, prompts and times that are drawn."""

import math
from itertools import islice, pairwise

import numpy as np
import pytest

from optimoe.core.errors import ConfigError
from optimoe.loadtest.load.asking import question
from optimoe.loadtest.load.draws import draw_length, request_draws, sending_times
from optimoe.loadtest.results.server import Server
from optimoe.loadtest.workload import ClosedLoop, Endpoint, LoadPlan, OpenLoop, TokenLengths


def drawn(lengths, count=4000):
    draws = np.random.default_rng(0)
    return np.array([draw_length(lengths, place, draws) for place in range(count)])


@pytest.mark.parametrize("kind", ["normal", "lognormal"])
def test_drawn_lengths_have_the_stated_mean_and_deviation(kind):
    found = drawn(TokenLengths(kind=kind, mean=500.0, std=100.0))
    assert found.mean() == pytest.approx(500, rel=0.02)
    assert found.std() == pytest.approx(100, rel=0.05)


def test_lengths_keep_their_limits_and_lists_their_order():
    even = drawn(TokenLengths(kind="uniform", low=3, high=7))
    assert (even.min(), even.max()) == (3, 7)
    assert np.bincount(even)[3:] / len(even) == pytest.approx(0.2, abs=0.03)
    assert set(drawn(TokenLengths(kind="normal", mean=5.0, std=50.0, low=2, high=9))) <= set(range(2, 10))
    assert drawn(TokenLengths(kind="listed", listed=(5, 9, 2)), 5).tolist() == [5, 9, 2, 5, 9]


@pytest.mark.parametrize("burstiness", [0.3, 1.0, 4.0])
def test_times_between_requests_are_gamma_of_the_stated_rate_and_shape(burstiness):
    """Mean 1/rate, squared deviation 1/(rate²·b), as of vLLM's benchmark."""
    load = OpenLoop(rate_per_s=50.0, burstiness=burstiness)
    gaps = np.diff(list(islice(sending_times(load, LoadPlan(levels=(load,)), 0), 20_000)))
    assert gaps.mean() == pytest.approx(1 / 50, rel=0.05)
    assert gaps.std() == pytest.approx(1 / 50 / math.sqrt(burstiness), rel=0.08)
    assert gaps.min() >= 0


def test_a_rate_without_end_sends_all_at_once():
    load = OpenLoop(rate_per_s=math.inf)
    assert set(islice(sending_times(load, LoadPlan(levels=(load,)), 0), 100)) == {0.0}


def test_a_seed_repeats_every_request_and_no_two_prompts_begin_alike():
    endpoint, server, plan = Endpoint(url="http://a"), Server(model="m"), LoadPlan(seed=3)
    prompts = [question(endpoint, server, plan, 0, place).body["prompt"] for place in range(50)]
    assert prompts == [question(endpoint, server, plan, 0, place).body["prompt"] for place in range(50)]
    others = [question(endpoint, server, LoadPlan(seed=4), 0, place).body["prompt"] for place in range(50)]
    levels = [question(endpoint, server, plan, 1, place).body["prompt"] for place in range(50)]
    beginnings = sorted(" ".join(prompt.split()[:4]) for prompt in prompts + others + levels)
    assert all(first != second for first, second in pairwise(beginnings))
    assert request_draws(plan, 0, 1).random() != request_draws(plan, 0, 2).random()


@pytest.mark.parametrize(
    ("wrong", "line"),
    [
        (lambda: ClosedLoop(concurrency=0), "concurrency: must be positive, got 0"),
        (lambda: OpenLoop(rate_per_s=0.0), "rate_per_s: must be positive, got 0.0"),
        (lambda: TokenLengths(kind="uniform", low=5, high=4), "high: must be at least low = 5, got 4"),
        (lambda: TokenLengths(kind="listed"), "listed: must be stated for listed lengths only, got ()"),
        (
            lambda: LoadPlan(prompts="ids"),
            "vocab_size: must be above 0 for ids, and left out else, got 0",
        ),
        (lambda: LoadPlan(levels=()), "levels: must be one or more, got none"),
        (lambda: LoadPlan(num_requests=0), "num_requests: must be positive, got 0"),
    ],
)
def test_a_load_out_of_its_limits_is_one_line(wrong, line):
    with pytest.raises(ConfigError) as caught:
        wrong()
    assert str(caught.value) == line
