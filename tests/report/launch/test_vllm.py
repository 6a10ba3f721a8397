from dataclasses import replace

import pytest

from optimoe.cost.engines.engine import find_engine
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


def served(engine="vllm", **words):
    deployment = replace(CHOICE.deployment, engine=find_engine(engine, **words))
    return replace(CHOICE, deployment=deployment)


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
    command = vllm_command(served(**words), Workload())
    assert command.strip().endswith(options)
    assert ("--quantization" in command) == ("--quantization" in options)
    assert comment in command
    assert ("Planned" in command) == bool(comment)


def test_vllm_reads_the_formats_of_a_checkpoint_itself():
    assert "--quantization" not in vllm_command(CHOICE, Workload())
