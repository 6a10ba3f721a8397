"""The winner as a command of vLLM."""

import shlex

from optimoe import __version__
from optimoe.cost.serving.workload import Workload
from optimoe.planner.candidate import Candidate
from optimoe.report.launch.formats import format_options

CACHE_WORDS = {"fp8": "fp8"}
"""vLLM's ``--kv-cache-dtype`` by format of the cache; its own choice, auto, is bf16."""


def vllm_command(choice: Candidate, workload: Workload) -> str:
    """The command that serves one deployment as planned; several copies of the model are several commands."""
    layout = choice.serving.layout
    replicas = int(layout.replicas)
    words = ["vllm", "serve", "winner", "--max-model-len", str(workload.full_context)]
    words += ["--max-num-seqs", f"{max(1, int(choice.serving.concurrency // layout.dp))}"]
    sizes = {"tensor": layout.tp, "pipeline": layout.pp, "data": layout.dp / replicas}
    for name, size in sizes.items():
        if size > 1:
            words += [f"--{name}-parallel-size", f"{size:.0f}"]
    if layout.ep > 1:
        words.append("--enable-expert-parallel")
    options, comments = format_options(choice, CACHE_WORDS)
    return script([*words, *options], replicas, comments)


def script(words: list[str], replicas: int, comments: list[str]) -> str:
    """A shell script of one command, with what must be known of it above."""
    if replicas > 1:
        comments = [f"{replicas} copies, one for each of the replicas", *comments]
    notes = "".join(f"# {comment}\n" for comment in comments)
    return f"#!/bin/sh\n# Written by optimoe {__version__}.\n{notes}{shlex.join(words)}\n"
