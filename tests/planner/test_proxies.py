import pytest

from optimoe.arch.params import count_params
from optimoe.core.errors import ConfigError, InfeasibleError
from optimoe.planner.plan import plan
from optimoe.planner.problem.goal import LowestLoss
from optimoe.planner.problem.space import Space
from optimoe.planner.proxies import ladder
from tests.planner.asked import problem

CHOICE = plan(problem()).choice


def test_the_ladder_stays_within_its_share_and_varies_size_data_and_experts():
    runs = ladder(CHOICE, share=0.02)
    assert sum(run.train_flops for run in runs) <= 0.02 * CHOICE.training.flops
    assert len({run.spec.d_model for run in runs}) >= 2
    assert len({run.spec.moe.num_experts if run.spec.moe else 1 for run in runs}) == 3
    for run in runs:
        assert run.train_flops == pytest.approx(6 * count_params(run.spec).active * run.tokens)
    assert [run.train_flops for run in runs] == sorted(run.train_flops for run in runs)
    assert len(ladder(CHOICE, share=0.05)) >= len(runs)


def test_proxies_of_a_model_that_routes_to_several_experts_keep_enough_of_them():
    choice = plan(problem(goal=LowestLoss(), space=Space(num_experts=(16,), top_k=(4,), max_width=4096))).choice
    kept = {run.spec.moe.num_experts if run.spec.moe else 1 for run in ladder(choice, share=0.05)}
    assert kept == {1, 8, 16}


def test_a_share_too_small_for_any_proxy_is_said():
    with pytest.raises(InfeasibleError, match="share"):
        ladder(CHOICE, share=1e-9)
    with pytest.raises(ConfigError, match="share"):
        ladder(CHOICE, share=0.0)
