"""The winner as a command of SGLang."""

import math

from optimoe.planner.result import Plan
from optimoe.report.launch.formats import format_options
from optimoe.report.launch.vllm import longest_request, of_dense_winner, script

CACHE_WORDS = {"fp8": "fp8_e4m3"}
"""SGLang's ``--kv-cache-dtype`` by format of the cache; its own choice, auto, is bf16."""


def sglang_command(plan: Plan) -> str:
    """The command that serves one deployment as planned; several copies of the model are several commands.

    SGLang's tp counts all GPUs of a stage, of which dp-attention makes ranks of their own (its docs, Server
    Arguments).
    """
    choice = plan.choice
    layout, (longest, comments) = choice.serving.layout, longest_request(plan)
    replicas, ranks = int(layout.replicas), int(layout.attention_ranks)
    words = ["python3", "-m", "sglang.launch_server", "--model-path", "winner", "--dtype", "bfloat16"]
    words += ["--context-length", str(longest)]
    words += ["--max-running-requests", f"{max(1, int(choice.serving.concurrency // replicas))}"]
    for name, size in {"tp": layout.tp * ranks, "pp": layout.pp, "dp": ranks, "ep": layout.ep}.items():
        if size > 1:
            words += [f"--{name}-size", f"{size:.0f}"]
    if ranks > 1:
        words.append("--enable-dp-attention")
    nodes = math.ceil(layout.tp * ranks * layout.pp / choice.deployment.cluster.accelerator.gpus_per_node)
    if nodes > 1:
        words += ["--nnodes", str(nodes)]
        comments = ["On each node: --node-rank 0, 1, … and --dist-init-addr of the first.", *comments]
    options, of_formats = format_options(choice, CACHE_WORDS)
    return script([*words, *options], replicas, [*comments, *of_formats, *of_dense_winner("SGLang", choice)])
