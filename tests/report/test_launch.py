import tomllib

import pytest

from optimoe.arch.params import count_params
from optimoe.core.errors import ConfigError, InfeasibleError
from optimoe.cost.serving.workload import Workload
from optimoe.planner.plan import plan
from optimoe.planner.problem.goal import LowestLoss
from optimoe.planner.problem.space import Space
from optimoe.planner.proxies import ladder
from optimoe.report.pages.launch import megatron_arguments, proxies_toml, vllm_command
from tests.planner.test_solve import problem

PLAN = plan(problem())
CHOICE = PLAN.choice


def test_megatron_s_arguments_say_the_shape():
    arguments = dict(line.split(" ", 1) for line in megatron_arguments(PLAN).splitlines()[1:] if " " in line)
    spec, moe = CHOICE.spec, CHOICE.spec.moe
    assert arguments["--num-layers"] == str(spec.num_layers)
    assert arguments["--hidden-size"] == str(spec.d_model)
    assert arguments["--num-experts"] == str(moe.num_experts)
    assert arguments["--moe-ffn-hidden-size"] == str(moe.d_expert)
    assert int(arguments["--train-samples"]) * 4096 == pytest.approx(CHOICE.tokens, rel=1e-6)
    dense = plan(problem(space=Space(num_experts=(1,), max_width=2048)))
    assert "--num-experts" not in megatron_arguments(dense)
    latent = plan(problem(goal=LowestLoss(), space=Space(num_experts=(8,), max_width=2048, attention=("mla",))))
    assert "--multi-latent-attention" in megatron_arguments(latent)


def test_vllm_s_command_has_the_layout_of_the_plan():
    command = vllm_command(CHOICE, Workload())
    layout = CHOICE.serving.layout
    assert ("--tensor-parallel-size" in command) == (layout.tp > 1)
    assert ("--enable-expert-parallel" in command) == (layout.ep > 1)
    assert "--max-model-len 2048" in command


def test_the_ladder_stays_within_its_share_and_varies_size_data_and_experts():
    runs = ladder(CHOICE, share=0.02)
    assert sum(run.train_flops for run in runs) <= 0.02 * CHOICE.training.flops
    assert len({run.spec.d_model for run in runs}) >= 2
    assert len({run.spec.moe.num_experts if run.spec.moe else 1 for run in runs}) == 3
    for run in runs:
        assert run.train_flops == pytest.approx(6 * count_params(run.spec).active * run.tokens)
    table = tomllib.loads(proxies_toml(runs))["run"]
    assert [row["train_flops"] for row in table] == sorted(row["train_flops"] for row in table)
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
