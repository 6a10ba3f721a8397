"""The winner as a command of vLLM."""

import shlex

from optimoe import __version__
from optimoe.loadtest.engines.commands import LaunchedModel, vllm_words
from optimoe.planner.candidate import Candidate
from optimoe.planner.result import Plan
from optimoe.report.launch.formats import format_options

CACHE_WORDS = {"fp8": "fp8"}
"""vLLM's ``--kv-cache-dtype`` by format of the cache; its own choice, auto, is bf16."""


def vllm_command(plan: Plan) -> str:
    """The command that serves one deployment as planned; several copies of the model are several commands."""
    choice = plan.choice
    replicas, (longest, comments) = int(choice.serving.layout.replicas), longest_request(plan)
    words = [*vllm_words(served_winner(choice, longest)), *_over_nodes(choice, replicas)]
    options, of_formats = format_options(choice, CACHE_WORDS)
    return script([*words, *options], replicas, [*comments, *of_formats, *of_dense_winner("vLLM", choice)])


def served_winner(choice: Candidate, longest: int) -> LaunchedModel:
    """One copy of the winner, in its share of the layout and of the requests."""
    layout = choice.serving.layout
    return LaunchedModel(
        model="winner",
        dtype="bfloat16",
        context=longest,
        requests=int(choice.serving.concurrency // layout.replicas),
        tp=int(layout.tp),
        pp=int(layout.pp),
        dp=int(layout.attention_ranks),
        ep=int(layout.ep),
    )


def longest_request(plan: Plan) -> tuple[int, list[str]]:
    """Tokens of the longest request that a deployment is to take, and what must be known of that number.

    An engine does not start where its cache holds less than one request of that length.
    """
    choice, problem = plan.choice, plan.problem
    layout, asked = choice.serving.layout, problem.context_tokens
    held = int(choice.serving.max_batch / layout.dp * problem.workload.full_context)
    longest = min(asked, max(held, problem.workload.full_context))
    comments = [] if problem.max_context else ["The longest request was not stated (--max-context)."]
    if longest < asked:
        comments.append(f"A rank's cache holds {held:,} tokens, less than one request of {asked:,}.")
    return longest, comments


def of_dense_winner(engine: str, choice: Candidate) -> list[str]:
    """A comment on a dense winner some of whose layers do not attend to everything; none on others.

    With windows it is a Qwen3, and vLLM asserts that all layers of one have the window or none
    (vllm/model_executor/models/qwen2.py); with linear attention a Qwen3.5 of text alone, which late releases have.
    """
    if not choice.family.dense or choice.family.full_every == 1:
        return []
    if choice.family.attention == "gqa-gdn":
        return [
            f"A dense Qwen3.5 of text alone: needs a late release of {engine} (2026), whose list of models has it."
        ]
    return [
        f"Does not start as it stands: {engine} has no dense Qwen3 with windows in some layers and not in others."
    ]


def _over_nodes(choice: Candidate, replicas: int) -> list[str]:
    """Words that start ranks on several nodes, where one copy of the model takes more than one.

    Ray must run on all of them (vLLM docs, Parallelism and Scaling; Data Parallel Deployment).
    """
    layout, per_node = choice.serving.layout, choice.deployment.cluster.accelerator.gpus_per_node
    if layout.tp * layout.pp > per_node:
        return ["--distributed-executor-backend", "ray"]
    if layout.tp * layout.pp * layout.dp / replicas > per_node:
        return ["--data-parallel-backend", "ray"]
    return []


def script(words: list[str], replicas: int, comments: list[str]) -> str:
    """A shell script of one command, with what must be known of it above."""
    if replicas > 1:
        comments = [f"{replicas} copies, one for each of the replicas", *comments]
    notes = "".join(f"# {comment}\n" for comment in comments)
    return f"#!/bin/sh\n# Written by optimoe {__version__}.\n{notes}{shlex.join(words)}\n"
