"""The traffic and the deployments that carry it, in words."""

from dataclasses import replace

import pytest

from optimoe.core.units import SECONDS_PER_DAY
from optimoe.cost.serving.workload import Limits
from optimoe.planner.explain.spending import spent
from optimoe.planner.problem.traffic import YEAR_S, Traffic
from optimoe.report.words.plan.choice import pace_words, price_words
from optimoe.report.words.plan.traffic import (
    deployments_words,
    fleet_words,
    life_words,
    limit_words,
    traffic_words,
)
from tests.planner.asked import problem

RATED = Traffic(lifetime_tokens=20 * 1024 * 2 * YEAR_S, life_s=2 * YEAR_S, rated=True, peak_to_mean=2.0)


def served(choice, traffic):
    one = traffic.served(
        tokens_per_s=float(choice.serving.tokens_per_s),
        num_gpus=choice.deployment.cluster.num_gpus,
        usd_per_gpu_hour=2.0,
    )
    return replace(choice, fleet=one)


def test_a_rate_is_repeated_as_it_was_stated():
    asked = replace(problem(), traffic=RATED)
    assert traffic_words(asked) == "20 requests/s for 730 days, 2× at the peak = 1.29T output tokens"
    assert traffic_words(problem(serve_tokens=5e12)) == "5.00T output tokens"
    assert traffic_words(problem(serve_tokens=0)).startswith("none")


def test_a_limit_says_of_which_requests_it_is():
    assert limit_words(Limits(tpot_s=0.05)) == ["TPOT ≤ 50.0 ms"]
    both = Limits(tpot_s=0.04, ttft_s=2.0, ttft_percentile=0.95)
    assert limit_words(both) == ["TPOT mean ≤ 40.0 ms", "TTFT p95 ≤ 2.00 s"]
    assert limit_words(Limits()) == []


def test_a_fleet_is_said_in_whole_deployments_and_their_use(result):
    choice = result.choice
    box = "(8 × h100-sxm, bf16)"
    rate = float(choice.serving.tokens_per_s)
    three = Traffic(lifetime_tokens=2.13 * rate * YEAR_S, rated=True)
    assert fleet_words(served(choice, three), three) == f"3 × {box} = 24 GPUs, 71% used"
    peak = replace(three, lifetime_tokens=1.065 * rate * YEAR_S, peak_to_mean=2.0)
    assert fleet_words(served(choice, peak), peak) == f"3 × {box} = 24 GPUs, 71% used at the peak"
    tokens = replace(three, rated=False)
    said = fleet_words(served(choice, tokens), tokens)
    assert said == f"3 × {box} = 24 GPUs to give them in 365 days, 71% used"
    none = Traffic(lifetime_tokens=0.0)
    assert fleet_words(served(choice, none), none) == box


def test_the_price_of_tokens_says_at_which_use_it_holds(result):
    full = Traffic(lifetime_tokens=1e12)
    bill = spent(result, result.choice)
    assert price_words(bill, full).endswith("paid as if always full")
    assert price_words(bill, RATED).endswith("at full use")
    assert price_words(bill, replace(full, utilisation=0.6)).endswith("each deployment 60% used")


def test_answers_of_one_token_have_no_pace(result):
    choice = result.choice
    workload = replace(choice.deployment.workload, output_tokens=1)
    one = replace(choice, deployment=replace(choice.deployment, workload=workload, limits=Limits()))
    assert pace_words(one) == "–"
    assert pace_words(choice) != "–"


def test_many_deployments_are_said_by_kind_and_range():
    box = problem().deployments[0]
    boxes = [replace(box, cluster=replace(box.cluster, num_gpus=number)) for number in (1, 2, 64)]
    assert deployments_words(boxes) == "1 to 64 × h100-sxm"


@pytest.mark.parametrize(
    ("days", "words"), [(365, "a year"), (730, "2 years"), (90, "90 days"), (400, "400 days")]
)
def test_a_life_is_said_in_whole_years_or_in_days(days, words):
    assert life_words(days * SECONDS_PER_DAY) == words
