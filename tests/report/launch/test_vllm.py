from optimoe.cost.serving.workload import Workload
from optimoe.planner.plan import plan
from optimoe.report.launch.vllm import vllm_command
from tests.planner.asked import problem

CHOICE = plan(problem()).choice


def test_vllm_s_command_has_the_layout_of_the_plan():
    command = vllm_command(CHOICE, Workload())
    layout = CHOICE.serving.layout
    assert ("--tensor-parallel-size" in command) == (layout.tp > 1)
    assert ("--enable-expert-parallel" in command) == (layout.ep > 1)
    assert "--max-model-len 2048" in command
