"""The winner as a command of SGLang."""

import math

from optimoe.loadtest.engines.commands import sglang_words
from optimoe.planner.result import Plan
from optimoe.report.launch.formats import format_options
from optimoe.report.launch.vllm import longest_request, of_dense_winner, script, served_winner

CACHE_WORDS = {"fp8": "fp8_e4m3"}
"""SGLang's ``--kv-cache-dtype`` by format of the cache; its own choice, auto, is bf16."""


def sglang_command(plan: Plan) -> str:
    """The command that serves one deployment as planned; several copies of the model are several commands."""
    choice = plan.choice
    layout, (longest, comments) = choice.serving.layout, longest_request(plan)
    replicas, ranks = int(layout.replicas), int(layout.attention_ranks)
    words = sglang_words(served_winner(choice, longest))
    nodes = math.ceil(layout.tp * ranks * layout.pp / choice.deployment.cluster.accelerator.gpus_per_node)
    if nodes > 1:
        words += ["--nnodes", str(nodes)]
        comments = ["On each node: --node-rank 0, 1, … and --dist-init-addr of the first.", *comments]
    options, of_formats = format_options(choice, CACHE_WORDS)
    return script([*words, *options], replicas, [*comments, *of_formats, *of_dense_winner("SGLang", choice)])
