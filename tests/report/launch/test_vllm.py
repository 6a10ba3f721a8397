from dataclasses import replace

import pytest

from optimoe.core.errors import ConfigError
from optimoe.cost.engines.engine import find_engine
from optimoe.cost.layers.layout import Layout
from optimoe.planner.plan import plan
from optimoe.report.launch.vllm import vllm_command
from tests.planner.asked import plain, problem, small_plan

PLAN = small_plan()
CHOICE = PLAN.choice


def test_vllm_s_command_has_the_layout_of_the_plan():
    command = vllm_command(PLAN)
    layout = CHOICE.serving.layout
    assert ("--tensor-parallel-size" in command) == (layout.tp > 1)
    assert ("--enable-expert-parallel" in command) == (layout.ep > 1)


def test_requests_may_be_as_long_as_was_stated_or_as_the_model_was_trained():
    assert "--max-model-len 4096" in vllm_command(PLAN)
    assert "longest request was not stated" in vllm_command(PLAN)
    stated = vllm_command(replace(PLAN, problem=replace(PLAN.problem, max_context=8192)))
    assert "--max-model-len 8192" in stated
    assert "not stated" not in stated


def test_a_cache_that_holds_less_than_one_request_shortens_the_longest_and_says_so():
    serving = replace(CHOICE.serving, max_batch=1.5 * CHOICE.serving.layout.dp)
    short = replace(PLAN, choice=replace(CHOICE, serving=serving))
    assert "--max-model-len 3072" in vllm_command(short)
    assert "holds 3,072 tokens" in vllm_command(short)


def test_a_longest_request_below_the_mean_is_refused():
    with pytest.raises(ConfigError, match="max_context: must be at least a mean request, 2048 tokens, got 2000"):
        replace(PLAN.problem, max_context=2000)


@pytest.mark.parametrize(
    ("layout", "words"),
    [
        (Layout(tp=8, pp=2), "--distributed-executor-backend ray"),
        (Layout(tp=2, dp=8, ep=16), "--data-parallel-backend ray"),
        (Layout(tp=2, dp=8, ep=2), ""),
        (Layout(tp=8, ep=8), ""),
    ],
)
def test_only_a_copy_over_several_nodes_is_started_by_ray(layout, words):
    command = vllm_command(replace(PLAN, choice=replace(CHOICE, serving=replace(CHOICE.serving, layout=layout))))
    assert words in command
    assert ("ray" in command) == bool(words)


def served(engine="vllm", **words):
    deployment = replace(CHOICE.deployment, engine=find_engine(engine, **words))
    return replace(PLAN, choice=replace(CHOICE, deployment=deployment))


@pytest.mark.parametrize(
    ("words", "options", "comment"),
    [
        ({}, "", ""),
        ({"precision": "fp8"}, "--quantization fp8", ""),
        ({"precision": "fp8", "kv_precision": "fp8"}, "--quantization fp8 --kv-cache-dtype fp8", ""),
        (
            {"precision": "int4"},
            "",
            "head bf16: quantise winner first (llm-compressor",
        ),
        ({"precision": "nvfp4"}, "--kv-cache-dtype fp8", "scheme NVFP4"),
        ({"expert_precision": "fp8"}, "", "weights experts fp8, rest bf16: quantise winner first"),
        ({"kv_precision": "int4"}, "", "a cache in int4, which this engine does not have"),
    ],
)
def test_vllm_s_command_has_the_formats_of_the_plan_or_says_what_must_be_made(words, options, comment):
    command = vllm_command(served(**words))
    assert command.strip().endswith(options)
    assert ("--quantization" in command) == ("--quantization" in options)
    assert comment in command
    assert ("Planned" in command) == bool(comment)


def test_vllm_reads_the_formats_of_a_checkpoint_itself():
    assert "--quantization" not in vllm_command(PLAN)


def test_a_dense_winner_with_windows_in_some_layers_is_said_not_to_start():
    stated = {"attention": ("gqa-swa",), "max_width": 2048}
    dense = vllm_command(plan(problem(space=plain(num_experts=(1,), **stated))))
    assert "# Does not start as it stands: vLLM has no dense Qwen3 with windows" in dense
    linear = vllm_command(plan(problem(space=plain(num_experts=(1,), **stated | {"attention": ("gqa-gdn",)}))))
    assert "needs a late release of vLLM" in linear
    routed = vllm_command(plan(problem(space=plain(num_experts=(8,), **stated))))
    assert "Does not start" not in routed + vllm_command(PLAN)
