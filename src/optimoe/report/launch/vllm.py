"""The winner as a command of vLLM."""

import shlex

from optimoe import __version__
from optimoe.cost.serving.workload import Workload
from optimoe.planner.candidate import Candidate

QUANTIZATION = {"fp8": "fp8"}
"""What vLLM quantises to while loading, by the precision of the weights."""


def vllm_command(choice: Candidate, workload: Workload) -> str:
    """The command that serves one deployment as planned; several copies of the model are several commands."""
    layout, execution = choice.serving.layout, choice.deployment.engine.execution
    replicas = int(layout.replicas)
    words = ["vllm", "serve", "winner", "--max-model-len", str(workload.full_context)]
    words += ["--max-num-seqs", f"{max(1, int(choice.serving.concurrency // layout.dp))}"]
    sizes = {"tensor": layout.tp, "pipeline": layout.pp, "data": layout.dp / replicas}
    for name, size in sizes.items():
        if size > 1:
            words += [f"--{name}-parallel-size", f"{size:.0f}"]
    if layout.ep > 1:
        words.append("--enable-expert-parallel")
    if execution.precision in QUANTIZATION:
        words += ["--quantization", QUANTIZATION[execution.precision]]
    if execution.kv_precision == "fp8":
        words += ["--kv-cache-dtype", "fp8"]
    copies = f"# {replicas} copies, one for each of the replicas\n" if replicas > 1 else ""
    return f"#!/bin/sh\n# Written by optimoe {__version__}.\n{copies}{shlex.join(words)}\n"
