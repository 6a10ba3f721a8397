"""What a search minimises: dollars of training and serving together, or the loss that both leave room for."""

import math
from types import SimpleNamespace

import numpy as np
import pytest

from optimoe.planner.designs import Columns
from optimoe.planner.problem.goal import LeastCost, LowestLoss
from optimoe.planner.search.objective import TIE, Dollars, judged

SERVE, PER_TOKEN = np.array([500.0, 20.0, np.inf]), np.array([1.0, 4.0, 1.0])


class Three(Columns):
    """Designs that reach a loss after 100, 50 and 10 tokens and afford 1,000; the last is served by nothing."""

    def __init__(self):  # what a goal asks for is below
        pass

    mfu = usd_per_mtok = usd_per_train_token = np.ones(3)
    ranked = possible = np.full(3, True)
    serve_usd = SERVE
    affordable_tokens = np.full(3, 1000.0)
    problem = SimpleNamespace(data=SimpleNamespace(repeats=True, unique_tokens=math.inf))

    def tokens(self, loss):
        return np.array([100.0, 50.0, 10.0])

    def loss(self, tokens):
        return 1 / tokens


def dollars():
    return Dollars(serve=SERVE, per_train_token=PER_TOKEN, per_mtok=np.zeros(3))


def test_the_least_cost_is_that_of_serving_and_training_together():
    """Trained for $100 and $200, served for $500 and $20: the one that trains dearer is the cheaper."""
    tokens, objective = judged(Three(), LeastCost(max_loss=2.0), dollars())
    assert tokens.tolist() == [100, 50, 10]
    assert objective.tolist() == [600, 220, math.inf]


def test_where_serving_alone_counts_training_decides_between_equals_only():
    objective = judged(Three(), LeastCost(max_loss=2.0, count="serving"), dollars())[1]
    assert objective.tolist() == [500 + TIE * 100, 20 + TIE * 200, math.inf]


def test_what_serving_takes_of_the_dollars_is_not_left_to_training():
    """$620 in all: $120 train the first design on 120 tokens, $600 the second on 150; the last is not served."""
    tokens, objective = judged(Three(), LowestLoss(total_usd=620.0), dollars())
    assert tokens.tolist() == [120, 150, 1]
    assert objective == pytest.approx([1 / 120, 1 / 150, math.inf])
