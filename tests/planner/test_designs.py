"""Grids of designs with their loss."""

from dataclasses import replace

import numpy as np
import pytest

from optimoe.planner.designs import cheapest_of, evaluate
from optimoe.planner.problem.space import Space
from optimoe.planner.problem.traffic import Traffic
from tests.planner.asked import every_pool, problem


def test_losses_of_a_whole_space_are_what_the_law_says():
    asked = problem()
    for family, pool in every_pool(asked).items():
        tokens = np.full(len(pool.params_active), 1e11)
        spec = pool.grid.at(3)
        assert pool.loss(tokens)[3] == pytest.approx(float(asked.law.arch_loss(spec, 1e11))), family


def test_few_requests_go_to_few_gpus_and_many_to_the_cheapest_tokens():
    asked = problem(space=Space(num_experts=(1,), attention=("gqa",), num_shared_experts=(0,), max_width=1024))
    (one,) = asked.deployments
    small = replace(one, cluster=replace(one.cluster, num_gpus=1))
    served = evaluate(asked, asked.space.members(asked.space.every()))
    (serving,) = next(iter(served.values())).servings
    cheap = replace(serving, tokens_per_s=10.0 * serving.tokens_per_s)  # eight GPUs, ten times the tokens of one
    both = replace(asked, deployments=(one, small))
    for tokens, way in ((1.0, 1), (1e18, 0)):
        rated = replace(both, traffic=Traffic(lifetime_tokens=tokens, rated=True))
        assert (cheapest_of(rated, (cheap, serving)) == way).all()
        assert (cheapest_of(replace(both, traffic=Traffic(lifetime_tokens=tokens)), (cheap, serving)) == 0).all()
