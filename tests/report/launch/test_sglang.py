from dataclasses import replace

import pytest

from optimoe.cost.engines.engine import find_engine
from optimoe.cost.layers.layout import Layout
from optimoe.report.launch.sglang import sglang_command
from optimoe.report.launch.winner import winner_files
from tests.planner.asked import small_plan

PLAN = small_plan()


def command(layout=None, **words):
    choice = PLAN.choice
    deployment = replace(choice.deployment, engine=find_engine("sglang", **words))
    serving = replace(choice.serving, layout=layout or choice.serving.layout)
    return sglang_command(replace(PLAN, choice=replace(choice, deployment=deployment, serving=serving)))


@pytest.mark.parametrize(
    ("layout", "sizes"),
    [
        (Layout(tp=4), "--tp-size 4"),
        (Layout(tp=2, dp=4, ep=8), "--tp-size 8 --dp-size 4 --ep-size 8 --enable-dp-attention"),
        (Layout(tp=2, pp=2, ep=2), "--tp-size 2 --pp-size 2 --ep-size 2"),
    ],
)
def test_sglang_s_sizes_count_the_gpus_of_a_copy(layout, sizes):
    assert sizes in command(layout)
    assert ("--enable-dp-attention" in command(layout)) == ("dp-attention" in sizes)


def test_a_copy_over_two_nodes_says_what_each_node_must_be_told():
    assert "--nnodes 2" in command(Layout(tp=16, ep=16))
    assert "--dist-init-addr" in command(Layout(tp=16, ep=16))
    assert "--nnodes" not in command(Layout(tp=8, ep=8))


def test_sglang_s_command_has_the_formats_of_the_plan():
    assert "--quantization fp8" in command(precision="fp8")
    assert "--kv-cache-dtype fp8_e4m3" in command(precision="nvfp4")
    assert "quantise winner first" in command(precision="nvfp4")
    assert "--quantization" not in command()


def test_a_plan_for_sglang_writes_its_command_beside_vllm_s():
    choice = replace(PLAN.choice, deployment=replace(PLAN.choice.deployment, engine=find_engine("sglang")))
    assert "sglang.sh" in winner_files(replace(PLAN, choice=choice))
    assert "sglang.sh" not in winner_files(PLAN)
