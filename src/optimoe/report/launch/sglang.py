"""The winner as a command of SGLang."""

from optimoe.cost.serving.workload import Workload
from optimoe.planner.candidate import Candidate
from optimoe.report.launch.formats import format_options
from optimoe.report.launch.vllm import script

CACHE_WORDS = {"fp8": "fp8_e4m3"}
"""SGLang's ``--kv-cache-dtype`` by format of the cache; its own choice, auto, is bf16."""


def sglang_command(choice: Candidate, workload: Workload) -> str:
    """The command that serves one deployment as planned; several copies of the model are several commands.

    SGLang's tp counts all GPUs of a stage, of which dp-attention makes ranks of their own (its docs, Server
    Arguments).
    """
    layout = choice.serving.layout
    replicas, ranks = int(layout.replicas), int(layout.attention_ranks)
    words = ["python3", "-m", "sglang.launch_server", "--model-path", "winner"]
    words += ["--context-length", str(workload.full_context)]
    words += ["--max-running-requests", f"{max(1, int(choice.serving.concurrency // replicas))}"]
    for name, size in {"tp": layout.tp * ranks, "pp": layout.pp, "dp": ranks, "ep": layout.ep}.items():
        if size > 1:
            words += [f"--{name}-size", f"{size:.0f}"]
    if ranks > 1:
        words.append("--enable-dp-attention")
    options, comments = format_options(choice, CACHE_WORDS)
    return script([*words, *options], replicas, comments)
