"""The joint law's printed compute optima, found by the planner among real shapes."""

import math
from dataclasses import replace

import pytest

from optimoe.cost.deployment.workload import Limits
from optimoe.plan.problem import LowestLoss
from optimoe.plan.solve import plan
from optimoe.plan.space import Space
from tests.plan.test_solve import problem


@pytest.mark.parametrize(("experts", "flops"), [(1, 1e21), (4, 1e21), (32, 1e21), (1, 1e20), (8, 1e20), (8, 1e22)])
def test_lowest_loss_is_at_the_laws_own_optimum(experts, flops):
    """Widths are multiples of 512 here, so the loss may exceed the real-valued optimum by a little."""
    asked = problem(flops, space=Space(num_experts=(experts,), num_kv_heads=(4,)), serve_tokens=0.0)
    asked = replace(asked, deployments=(replace(asked.deployments[0], limits=Limits(tpot_s=math.inf)),))
    loss = plan(replace(asked, goal=LowestLoss())).choice.loss
    optimum = float(asked.law.optimal_loss(flops, experts))
    assert optimum * (1 - 1e-12) <= loss <= optimum * 1.001
