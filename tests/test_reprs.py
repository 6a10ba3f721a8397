"""What a result shows of itself where a person works: one line with the decisive facts."""

import numpy as np

from optimoe import count, fit, plan, predict_serving
from optimoe.arch.catalog import find_model
from optimoe.cost.layers.layout import Layout
from optimoe.laws.catalog import find_law
from optimoe.laws.runs import Observations
from tests.planner.asked import every_pool, problem

LONGEST = 200


def is_short(line):
    return len(line) <= LONGEST and "\n" not in line


def test_a_plan_and_its_parts_show_experts_sizes_tokens_loss_and_dollars_in_a_line():
    result = plan(problem())
    choice = result.choice
    facts = (f"E={choice.family.num_experts}", f"loss {choice.loss.value:.3f}", "training", "serving", "active of")
    for line in (repr(result), repr(choice)):
        assert is_short(line)
        assert all(fact in line for fact in facts)
    for family, pool in every_pool(result.problem).items():
        assert is_short(repr(pool))
        assert f"E={family.num_experts}" in repr(pool)
        assert is_short(repr(pool.training))
        assert repr(pool.servings[0]) == f"ServingEstimate(a grid of shape {pool.params_active.shape})"


def test_the_results_of_the_other_doors_show_themselves_in_a_line():
    spec = find_model("mixtral-8x7b")
    counted = count(spec)
    assert is_short(repr(counted))
    assert "12.9B active of 46.7B" in repr(counted)
    (deployment,) = problem().deployments
    served = predict_serving(spec, deployment, layout=Layout(tp=8), concurrency=16)
    assert is_short(repr(served))
    assert "TPOT" in repr(served)
    sizes, tokens = np.repeat([1e8, 3e8, 1e9], 4), np.tile([2e9, 6e9, 2e10, 6e10], 3)
    loss = find_law("besiroglu2024").loss(N=sizes, D=tokens)
    fitted = fit(Observations(variables={"N": sizes, "D": tokens}, loss=loss), "chinchilla")
    assert is_short(repr(fitted))
    assert f"{fitted.verdict}, 12 runs" in repr(fitted)
