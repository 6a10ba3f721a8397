from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimoe.arch.parts import MoE
from optimoe.arch.spec import merged
from optimoe.cost.training.layout import TrainLayout, pipeline_stages, staged
from optimoe.planner.plan import plan
from optimoe.planner.problem.goal import LowestLoss
from optimoe.planner.runs.specs import winner_run
from optimoe.report.launch.megatron import _stages, megatron_arguments
from tests.cost.training.runs import gpt
from tests.planner.asked import on, plain, predicted_plan, problem, small_plan
from tests.report.launch.megatron_rules import chunks, parsed, violations

PLAN = small_plan()
CHOICE = PLAN.choice


def test_megatron_s_arguments_say_the_shape():
    arguments = parsed(megatron_arguments(PLAN))
    spec, moe = CHOICE.spec, CHOICE.spec.moe
    assert arguments["--num-layers"] == str(spec.num_layers)
    assert arguments["--hidden-size"] == str(spec.d_model)
    assert arguments["--num-experts"] == str(moe.num_experts)
    assert arguments["--moe-ffn-hidden-size"] == str(moe.d_expert)
    assert int(arguments["--train-samples"]) * 4096 == pytest.approx(CHOICE.tokens, rel=1e-6)
    dense = plan(problem(space=plain(num_experts=(1,), max_width=2048)))
    assert "--num-experts" not in megatron_arguments(dense)
    latent = plan(problem(goal=LowestLoss(), space=plain(num_experts=(8,), max_width=2048, attention=("mla",))))
    assert "--multi-latent-attention" in megatron_arguments(latent)
    assert "--rope-type rope" in megatron_arguments(latent)


def test_megatron_gets_the_layout_of_the_prediction():
    predicted = predicted_plan()
    lines, layout = megatron_arguments(predicted).splitlines(), predicted.choice.training.layout
    assert f"--tensor-model-parallel-size {layout.tp}" in lines
    assert f"--expert-model-parallel-size {layout.ep}" in lines
    assert "--global-batch-size 1024" in lines


@pytest.mark.parametrize(
    ("stated", "start"), [({"moe_every": (2,)}, "[0]*1+[1]*1+[0]*1"), ({"first_dense_layers": (3,)}, "[0]*3+[1]*")]
)
def test_megatron_is_told_which_layers_route(stated, start):
    result = plan(problem(goal=LowestLoss(), space=plain(num_experts=(8,), top_k=(2,), max_width=2048, **stated)))
    arguments = parsed(megatron_arguments(result))
    spec = result.choice.spec
    assert arguments["--moe-layer-freq"].startswith(start)
    routes = [isinstance(group.ffn, MoE) for group in spec.layers for _ in range(group.num_layers)]
    assert eval(arguments["--moe-layer-freq"]) == routes
    assert arguments["--ffn-hidden-size"] == str(2 * spec.moe.d_expert)


@pytest.mark.parametrize("num_gpus", [64, 256, 1024])
@pytest.mark.parametrize("days", [30, 60])
def test_megatron_s_own_rules_hold_of_usual_budgets(num_gpus, days):
    result = plan(on(num_gpus, days=days))
    assert list(violations(megatron_arguments(result), num_gpus)) == []


@settings(max_examples=200)
@given(layers=st.integers(1, 128), pp=st.sampled_from([1, 2, 3, 4, 8, 16]), interleave=st.sampled_from([1, 2, 4]))
def test_every_layer_has_its_stage_and_the_ends_are_the_lighter_ones(layers, pp, interleave):
    arch, layout = gpt(num_layers=layers), TrainLayout(pp=pp, interleave=1 if pp == 1 else interleave)
    if not pipeline_stages(arch, layout).even_chunks:
        return
    layout, interleave = staged(arch, layout), layout.interleave
    lines = dict(line.split(" ", 1) for line in _stages(layers, layout))
    if "--pipeline-model-parallel-layout" not in lines:
        assert layers % (pp * interleave) == 0
        assert lines == ({"--num-virtual-stages-per-pipeline-rank": str(interleave)} if interleave > 1 else {})
        return
    sizes = chunks(lines["--pipeline-model-parallel-layout"])
    assert len(sizes) == pp * interleave
    assert sum(sizes) == layers
    assert len(set(sizes[1:-1])) <= 1
    assert max(sizes[0], sizes[-1]) <= max(sizes[1:-1], default=layers)
    assert sum(sizes[::pp]) == layout.first_layers
    assert sum(sizes[pp - 1 :: pp]) == layout.last_layers


def test_longer_requests_than_training_sequences_ask_for_a_stage_of_their_own():
    asked = replace(PLAN, problem=replace(PLAN.problem, max_context=32_768))
    arguments = parsed(megatron_arguments(asked))
    assert arguments["--max-position-embeddings"] == "32768"
    assert arguments["--rotary-base"] == "500000"
    assert "a stage on longer sequences must follow" in megatron_arguments(asked)
    assert "must follow" not in megatron_arguments(PLAN)


def test_what_a_run_is_told_is_what_the_recipe_says():
    arguments, run = parsed(megatron_arguments(PLAN)), winner_run(PLAN)
    assert float(arguments["--lr"]) == pytest.approx(run.schedule.peak_rate, rel=1e-5)
    assert int(arguments["--lr-warmup-samples"]) == round(run.schedule.warmup_tokens / run.seq_len)


@pytest.mark.parametrize("first", [0, 1])
def test_megatron_gets_windows_and_linear_layers_as_the_design_has_them(first):
    stated = {"num_experts": (8,), "top_k": (2,), "max_width": 2048, "first_dense_layers": (first,)}
    windows = plan(problem(space=plain(attention=("gqa-swa",), full_every=(4,), **stated)))
    arguments = parsed(megatron_arguments(windows))
    assert arguments["--window-size"] == "127,0"  # and the token itself
    assert arguments["--window-attn-skip-freq"] == "4"
    assert "--qk-layernorm" in arguments
    linear = plan(problem(space=plain(attention=("gqa-gdn",), num_shared_experts=(1,), **stated)))
    arguments, mixer = parsed(megatron_arguments(linear)), merged(linear.choice.spec).layers[-2].mixer
    assert arguments["--experimental-attention-variant"] == "gated_delta_net"
    assert arguments["--linear-attention-freq"] == "4"
    assert arguments["--linear-num-value-heads"] == str(mixer.num_value_heads)
    assert {"--attention-output-gate", "--moe-shared-expert-gate"} <= set(arguments)
    layers = linear.choice.spec.num_layers
    assert eval(arguments.get("--moe-layer-freq", f"[1]*{layers}")) == [0] * first + [1] * (layers - first)
    assert "--window-size" not in parsed(megatron_arguments(PLAN))
