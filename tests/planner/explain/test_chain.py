"""The chain of numbers from the inputs to the choice."""

from dataclasses import replace

from optimoe.cost.hardware.accelerator import Cluster
from optimoe.cost.hardware.price import given_price
from optimoe.planner.explain.chain import chain
from optimoe.planner.plan import plan
from optimoe.report.words.plan.choice import run_words
from optimoe.report.words.plan.question import budget_words
from tests.planner.asked import H100, predicted_plan, problem

PREDICTED = predicted_plan()


def test_the_words_and_the_chain_say_where_the_utilisation_is_from():
    assert "MFU predicted" in budget_words(PREDICTED.problem.training)
    assert "ZeRO" in run_words(PREDICTED)
    mfu = next(link for link in chain(PREDICTED) if link.name == "MFU")
    assert mfu.basis.value == "fitted"
    assert any(row.name == "training batch" for row in PREDICTED.assumptions)


def test_the_price_in_the_chain_is_that_of_the_deployment_that_serves():
    """Two ways to serve on one kind of GPU and in one precision, at prices of their own."""
    asked = problem()
    (dear,) = asked.deployments
    cheap = replace(dear, cluster=Cluster(accelerator=H100, num_gpus=4), price=given_price(0.5))
    result = plan(replace(asked, deployments=(dear, cheap)))
    assert result.choice.deployment == cheap
    link = next(link for link in chain(result) if link.name == "USD per M tokens")
    assert link.formula.startswith("4 · 0.5 USD/h")
