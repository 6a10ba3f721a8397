"""Designs near the choice, served anew."""

from dataclasses import replace

import numpy as np
import pytest

from optimoe.cost.serving.workload import Limits
from optimoe.planner.confidence.served_anew import REPRICED, nearest, served_anew
from optimoe.planner.pricing import SHARED
from tests.planner.confidence.small import small


def test_the_nearest_are_few_and_the_choice_is_the_last_of_them():
    result, asked = small()
    near = nearest(result, asked.lineup)
    assert REPRICED // 3 < len(near) <= REPRICED + 1
    assert near.families[-1] == result.choice.family
    assert near.serve_usd[-1] == pytest.approx(result.choice.serve_usd)


def test_a_limit_that_stays_changes_nothing_and_a_tight_one_shuts_out():
    result, asked = small()
    near, own = nearest(result, asked.lineup), result.choice.deployment
    again = served_anew(near, own, own, SHARED).tokens_per_s
    served = near.tokens_per_s > 0
    assert again[served][:-1] == pytest.approx(near.tokens_per_s[served][:-1], rel=0.02)
    shut = served_anew(near, own, replace(own, limits=Limits(tpot_s=1e-6)), SHARED)
    assert not shut.servable.any()
    assert np.isinf(shut.serve_usd).all()
