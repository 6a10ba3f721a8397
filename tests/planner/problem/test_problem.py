"""Questions out of limits, which name the field."""

import math
from dataclasses import replace

import pytest

from optimoe.core.errors import ConfigError
from optimoe.planner.problem.data import Data
from optimoe.planner.problem.goal import LowestLoss, NearBest
from optimoe.planner.problem.space import Space
from optimoe.planner.problem.training import GivenMfu
from tests.planner.asked import problem


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Data(unique_tokens=0), "unique_tokens"),
        (lambda: LowestLoss(usd_per_mtok=-1), "usd_per_mtok"),
        (lambda: NearBest(slack_nats=-1), "slack_nats"),
        (lambda: Space(active_ffn_ratio=()), "active_ffn_ratio"),
        (lambda: replace(problem(), deployments=()), "serve_gpus"),
    ],
)
def test_what_is_stated_out_of_limits_is_named(make, words):
    with pytest.raises(ConfigError, match=words):
        make()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: problem(flops=-1), "budget_flops"),
        (lambda: problem(flops=math.inf), "train_flops"),
        (lambda: problem(goal=NearBest(loss_slack=-0.1)), "loss_slack"),
        (lambda: problem(serve_tokens=-1), "serve_tokens"),
        (lambda: Space(num_experts=(4,), top_k=(8,)), "num_experts"),
        (lambda: Space(max_width=100), "max_width"),
        (lambda: GivenMfu(mfu=1.5), "mfu"),
    ],
)
def test_a_question_out_of_limits_names_the_field(make, words):
    with pytest.raises(ConfigError) as caught:
        make()
    assert words in str(caught.value)
