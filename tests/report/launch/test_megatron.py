import pytest

from optimoe.arch.parts import MoE
from optimoe.planner.plan import plan
from optimoe.planner.problem.goal import LowestLoss
from optimoe.planner.problem.space import Space
from optimoe.report.launch.megatron import megatron_arguments
from tests.planner.asked import on, problem

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


def test_megatron_gets_the_layout_of_the_prediction():
    predicted = plan(on(64))
    lines, layout = megatron_arguments(predicted).splitlines(), predicted.choice.training.layout
    assert f"--tensor-model-parallel-size {layout.tp}" in lines
    assert f"--expert-model-parallel-size {layout.ep}" in lines
    assert "--global-batch-size 1024" in lines


@pytest.mark.parametrize(
    ("stated", "start"), [({"moe_every": (2,)}, "[0]*1+[1]*1+[0]*1"), ({"first_dense_layers": (3,)}, "[0]*3+[1]*")]
)
def test_megatron_is_told_which_layers_route(stated, start):
    result = plan(problem(goal=LowestLoss(), space=Space(num_experts=(8,), top_k=(2,), max_width=2048, **stated)))
    arguments = dict(line.split(" ", 1) for line in megatron_arguments(result).splitlines()[1:] if " " in line)
    spec = result.choice.spec
    assert arguments["--moe-layer-freq"].startswith(start)
    routes = [isinstance(group.ffn, MoE) for group in spec.layers for _ in range(group.num_layers)]
    assert eval(arguments["--moe-layer-freq"]) == routes
    assert arguments["--ffn-hidden-size"] == str(2 * spec.moe.d_expert)
