"""Goals, families, deployments, data: what a problem may state, and that stating more never hurts."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimoe.arch.flops import expert_attention_ratio
from optimoe.core.errors import ConfigError, InfeasibleError
from optimoe.cost.hardware.accelerator import Cluster, find_accelerator
from optimoe.cost.serving.engine import find_engine
from optimoe.cost.serving.workload import Limits, Workload
from optimoe.planner.confidence.overtraining import size_curve
from optimoe.planner.confidence.robust import assess
from optimoe.planner.confidence.uncertainty import uncertainty
from optimoe.planner.plan import plan
from optimoe.planner.problem.data import Data, repeat_constant
from optimoe.planner.problem.family import BestRatio
from optimoe.planner.problem.goal import LeastCost, LowestLoss, NearBest
from optimoe.planner.problem.space import Space
from optimoe.report.records.plan.confidence import robustness_record
from tests.planner.test_solve import SMALL, problem


def test_families_are_every_combination_and_dense_once():
    space = Space(num_experts=(1, 8, 64), top_k=(1, 8), ffn_ratio=(3.0, 0.75), attention=("gqa", "mla"))
    families = space.families()
    assert len(families) == len(set(families)) == 2 * (1 + 4 + 4)
    assert {one.ffn_ratio for one in families if one.dense} == {3.0}
    assert all(one.top_k <= one.num_experts for one in families)


def test_a_grid_of_families_is_each_family_alone():
    space = replace(SMALL, top_k=(1, 4), num_shared_experts=(0, 1))
    shapes = space.coarse()
    routed = [one for one in space.families() if not one.dense]
    together = space.designs(dict.fromkeys(routed, shapes))
    for number, family in enumerate(routed):
        alone = space.designs({family: shapes})
        for index in (0, len(shapes.d_model) - 1):
            assert together.at(number * len(shapes.d_model) + index) == alone.at(index)


@pytest.mark.parametrize("shared", [0, 1])
def test_a_ratio_of_experts_to_attention_sets_the_width_of_every_expert(shared):
    space = replace(SMALL, num_experts=(1, 16), expert_attention_ratio=(0.5, 2.0), num_shared_experts=(shared,))
    routed = [one for one in space.families() if not one.dense]
    assert {one.expert_attention_ratio for one in routed} == {0.5, 2.0}
    shapes = space.every()
    for family in routed:
        grid = space.designs({family: shapes})
        ratio, width = expert_attention_ratio(grid, 4096), grid.moe.d_expert
        half_a_step = 32 / width * ratio
        assert np.all(np.abs(ratio - family.expert_attention_ratio) <= half_a_step), family


def test_the_best_ratio_follows_the_law_and_grows_with_the_budget():
    low, high = (BestRatio(train_flops=flops).of(17) for flops in (1e19, 1e20))
    assert (low, high) == pytest.approx((0.8328, 1.2225), rel=1e-3)
    space = replace(
        SMALL, num_experts=(1, 16), num_shared_experts=(1,), expert_attention_ratio=BestRatio(train_flops=1e20)
    )
    (routed,) = (one for one in space.families() if not one.dense)
    assert routed.expert_attention_ratio == high
    result = plan(problem(1e20, space=space, serve_tokens=1e9))
    assert any(row.name == "experts over attention" for row in result.assumptions)


def test_more_ways_to_serve_never_cost_more_and_their_order_does_not_matter():
    one = problem()
    h200 = replace(one.deployments[0], cluster=Cluster(accelerator=find_accelerator("h200-sxm"), num_gpus=8))
    fp8 = replace(one.deployments[0], engine=find_engine("vllm", precision="fp8", kv_precision="bf16"))
    alone, both = plan(one).choice, plan(replace(one, deployments=(one.deployments[0], h200, fp8))).choice
    turned = plan(replace(one, deployments=(fp8, h200, one.deployments[0]))).choice
    assert both.total_usd <= alone.total_usd * (1 + 1e-9)
    assert (both.spec, both.deployment) == (turned.spec, turned.deployment)
    assert both.total_usd == pytest.approx(turned.total_usd)


def test_more_families_never_worsen_a_goal():
    few = plan(problem(goal=LowestLoss())).choice.loss.value
    assert plan(problem(goal=LowestLoss(), space=replace(SMALL, top_k=(1, 2)))).choice.loss.value <= few


def test_bounded_loss_counts_what_it_is_told_to_count():
    total, serving = (plan(problem(goal=NearBest(count=count))).choice for count in ("total", "serving"))
    assert serving.usd_per_mtok <= total.usd_per_mtok * (1 + 1e-9)
    assert total.total_usd <= serving.total_usd * (1 + 1e-9)
    assert serving.loss.value == pytest.approx(total.loss.value)


def test_slack_in_nats_is_slack_in_nats():
    lowest = plan(problem(goal=LowestLoss())).choice.loss.value
    near = plan(problem(goal=NearBest(loss_slack=0.0, slack_nats=0.05))).choice.loss.value
    assert near == pytest.approx(lowest + 0.05, rel=1e-6)


@pytest.mark.parametrize("usd", [0.04, 0.08, 0.2])
def test_bounded_serving_cost_is_kept_and_a_looser_one_never_worse(usd):
    tight, loose = (plan(problem(goal=LowestLoss(usd_per_mtok=limit))).choice for limit in (usd, 2 * usd))
    assert tight.usd_per_mtok <= usd
    assert loose.loss.value <= tight.loss.value


def test_a_serving_cost_that_nothing_reaches_says_what_would():
    with pytest.raises(InfeasibleError, match=r"usd_per_mtok: the limit of .* binds"):
        plan(problem(goal=LowestLoss(usd_per_mtok=1e-6)))


def test_a_card_and_a_long_cache_bound_the_size():
    card = Cluster(accelerator=find_accelerator("rtx-4090"), num_gpus=1)
    asked = problem(limits=Limits(), goal=LowestLoss())
    small = replace(asked.deployments[0], cluster=card)
    fits = plan(replace(asked, deployments=(small,), lifetime_tokens=0.0)).choice
    assert 2 * fits.params.total < 24 * 2**30
    long = replace(small, workload=Workload(input_tokens=65_536, output_tokens=128))
    assert plan(replace(asked, deployments=(long,), lifetime_tokens=0.0)).choice.loss.value > fits.loss.value


@given(tokens=st.floats(1e6, 1e14), unique=st.floats(1e8, 1e13))
def test_repeated_tokens_are_worth_less_and_never_more_than_new_ones(tokens, unique):
    data = Data(unique_tokens=unique)
    worth = float(data.worth(tokens))
    assert worth <= tokens * (1 + 1e-12)
    assert worth <= unique * (1 + repeat_constant()) * (1 + 1e-12)
    assert float(data.worth(tokens * 1.1)) >= worth * (1 - 1e-12)
    if tokens < 20 * unique:
        assert float(data.tokens(worth)) == pytest.approx(tokens, rel=1e-6)
    assert float(Data().worth(tokens)) == tokens


def test_the_paper_s_worth_of_four_passes():
    """Seen four times, tokens are worth 3.73 of new ones, by the published constant."""
    assert float(Data(unique_tokens=1e9).worth(4e9)) / 1e9 == pytest.approx(
        1 + 15.387756 * (1 - math.exp(-3 / 15.387756))
    )
    assert math.isinf(float(Data(unique_tokens=1e9).tokens(17e9)))
    assert float(Data(unique_tokens=1e9, repeats=False).tokens(0.5e9)) == 0.5e9
    assert math.isinf(float(Data(unique_tokens=1e9, repeats=False).tokens(2e9)))


def test_fewer_distinct_tokens_never_lower_the_loss_and_too_few_are_said():
    plenty, few = (
        plan(problem(goal=LowestLoss())),
        plan(replace(problem(goal=LowestLoss()), data=Data(unique_tokens=2e10))),
    )
    assert few.choice.loss.value > plenty.choice.loss.value
    assert few.choice.passes > 1
    once = plan(replace(problem(goal=LowestLoss()), data=Data(unique_tokens=2e10, repeats=False))).choice
    assert once.passes <= 1
    with pytest.raises(InfeasibleError, match="unique_tokens"):
        plan(replace(problem(flops=math.inf, goal=LeastCost(max_loss=2.1)), data=Data(unique_tokens=1e9)))


@settings(max_examples=5)
@given(flops=st.floats(1e21, 1e23), served=st.floats(1e10, 1e13))
def test_an_answer_asked_for_twice_is_the_same(flops, served):
    asked = problem(flops, serve_tokens=served)
    assert plan(asked).choice == plan(asked).choice


def test_draws_of_the_law_centre_on_the_choice():
    result = plan(problem())
    found = uncertainty(result, draws=64)
    assert sum(one.probability for one in found.chances) == pytest.approx(1)
    assert found.chances[0].probability >= 1 / len(found.chances)
    assert found.loss_low < result.choice.loss.value < found.loss_high
    assert found.mean_regret >= 0
    assert found.worst_regret >= -1e-6
    assert found.unit == "usd"
    assert uncertainty(plan(problem(goal=LowestLoss())), draws=64).unit == "nats"


def test_each_input_is_moved_alone_and_what_it_changes_is_said():
    result = plan(problem(serve_tokens=5e12, flops=6e22))
    robust = assess(result, draws=32)
    names = {swing.name for swing in robust.swings}
    assert {"demand", "serving price", "training price", "MFU", "TPOT limit"} <= names
    demand = next(swing for swing in robust.swings if swing.name == "demand")
    half, twice = demand.choices
    assert half.serve_usd < result.choice.serve_usd < twice.serve_usd
    spans = [swing.span(result.choice) for swing in robust.swings]
    assert spans == sorted(spans, reverse=True)
    record = robustness_record(robust, result.choice)
    assert [swing.input for swing in record.swings] == [swing.name for swing in robust.swings]


def test_a_law_that_cannot_be_drawn_says_so():
    robust = assess(plan(problem(law="zhao2025")), draws=8)
    assert robust.uncertainty is None
    assert "fitted range is not stated" in robust.unknown or "cannot be fitted" in robust.unknown


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Data(unique_tokens=0), "unique_tokens"),
        (lambda: LowestLoss(usd_per_mtok=-1), "usd_per_mtok"),
        (lambda: NearBest(slack_nats=-1), "slack_nats"),
        (lambda: Space(ffn_ratio=()), "ffn_ratio"),
        (lambda: replace(problem(), deployments=()), "serve_gpus"),
    ],
)
def test_what_is_stated_out_of_limits_is_named(make, words):
    with pytest.raises(ConfigError, match=words):
        make()


def test_the_loss_is_flat_at_its_optimal_size_and_the_price_is_not():
    result = plan(problem(1e22, goal=LowestLoss()))
    curve = size_curve(result)
    sizes, losses = [point.params_active for point in curve], [point.loss for point in curve]
    assert sizes == sorted(sizes)
    assert min(losses) == pytest.approx(result.choice.loss.value, rel=2e-3)
    best = losses.index(min(losses))
    half = min(range(len(curve)), key=lambda i: abs(math.log(sizes[i] / sizes[best] * 2)))
    assert curve[half].loss / curve[best].loss - 1 < 0.03
    assert curve[half].usd_per_mtok < 0.75 * curve[best].usd_per_mtok
    assert size_curve(plan(problem(math.inf, goal=LeastCost(max_loss=2.3)))) == ()


def test_losses_of_a_whole_space_are_what_the_law_says():
    from optimoe.planner.search import first_pools

    asked = problem()
    for family, pool in first_pools(asked).items():
        tokens = np.full(len(pool.params_active), 1e11)
        spec = pool.grid.at(3)
        assert pool.loss(tokens)[3] == pytest.approx(float(asked.law.arch_loss(spec, 1e11))), family
