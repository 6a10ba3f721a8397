"""The winner for other people's tools: arguments of Megatron-LM, a command of vLLM, and the proxies' table."""

import shlex
from collections.abc import Sequence

from optimoe import __version__
from optimoe.arch.parts import Attention, LatentAttention, MoE
from optimoe.arch.spec import ArchSpec
from optimoe.cost.deployment.workload import Workload
from optimoe.plan.evaluate import Candidate
from optimoe.plan.judge.ladder import Proxy

SEQUENCE = 4096
"""Training sequences (assumed)."""

QUANTIZATION = {"fp8": "fp8"}
"""What vLLM quantises to while loading, by the precision of the weights."""


def megatron_arguments(choice: Candidate) -> str:
    """One argument a line, for Megatron-LM's ``pretrain_gpt.py``; data, schedule and layout are its user's."""
    spec, moe = choice.spec, choice.spec.moe
    samples = round(choice.tokens / SEQUENCE)
    lines = [
        f"# Written by optimoe {__version__}: the model, and samples of {SEQUENCE} tokens.",
        f"--num-layers {spec.num_layers}",
        f"--hidden-size {spec.d_model}",
        f"--ffn-hidden-size {moe.d_expert if moe else choice.arch['d_ff']}",
        *_attention(spec),
        "--swiglu",
        "--normalization RMSNorm",
        "--disable-bias-linear",
        "--position-embedding-type rope",
        "--untie-embeddings-and-output-weights",
        f"--vocab-size {spec.vocab_size}",
        f"--seq-length {SEQUENCE}",
        f"--max-position-embeddings {SEQUENCE}",
        f"--train-samples {samples}",
        "--bf16",
    ]
    return "\n".join(lines + (_experts(moe) if moe else [])) + "\n"


def vllm_command(choice: Candidate, workload: Workload) -> str:
    """The command that serves one deployment as planned; several copies of the model are several commands."""
    layout = choice.layout
    replicas = layout["dp"] if layout["ep"] == 1 else layout["tp"] * layout["dp"] / max(layout["tp"], layout["ep"])
    ranks = layout["dp"] / replicas
    words = ["vllm", "serve", "winner", "--max-model-len", str(workload.full_context)]
    words += ["--max-num-seqs", f"{max(1, int(choice.concurrency // layout['dp']))}"]
    sizes = {"tensor": layout["tp"], "pipeline": layout["pp"], "data": ranks}
    for name, size in sizes.items():
        if size > 1:
            words += [f"--{name}-parallel-size", f"{size:.0f}"]
    if layout["ep"] > 1:
        words.append("--enable-expert-parallel")
    if choice.precision in QUANTIZATION:
        words += ["--quantization", QUANTIZATION[choice.precision]]
    if choice.kv_precision == "fp8":
        words += ["--kv-cache-dtype", "fp8"]
    copies = f"# {replicas:.0f} copies, one for each of the replicas\n" if replicas > 1 else ""
    return f"#!/bin/sh\n# Written by optimoe {__version__}.\n{copies}{shlex.join(words)}\n"


def proxies_toml(runs: Sequence[Proxy]) -> str:
    """The ladder as a table of runs, the smallest first."""
    lines = [f"# Written by optimoe {__version__}: small runs of the winner's family, for a law of one's own."]
    for run in runs:
        spec, group = run.spec, run.spec.layers[0]
        moe = spec.moe
        rows: dict[str, object] = {
            "name": spec.name,
            "num_layers": spec.num_layers,
            "d_model": spec.d_model,
            "num_heads": group.mixer.tp_heads,
            "num_experts": moe.num_experts if moe else 1,
            "top_k": moe.top_k if moe else 1,
            "d_hidden": moe.d_expert if moe else getattr(group.ffn, "d_ff", 0),
            "vocab_size": spec.vocab_size,
            "tokens": run.tokens,
            "train_flops": run.train_flops,
        }
        lines += ["", "[[run]]"]
        lines += [
            f'{key} = "{value}"' if isinstance(value, str) else f"{key} = {value!r}" for key, value in rows.items()
        ]
    return "\n".join(lines) + "\n"


def _attention(spec: ArchSpec) -> list[str]:
    mixer = spec.attention
    if isinstance(mixer, LatentAttention):
        return [
            f"--num-attention-heads {mixer.num_heads}",
            "--multi-latent-attention",
            f"--kv-lora-rank {mixer.kv_lora_rank}",
            f"--qk-head-dim {mixer.qk_nope_dim}",
            f"--qk-pos-emb-head-dim {mixer.qk_rope_dim}",
            f"--v-head-dim {mixer.v_dim}",
        ]
    assert isinstance(mixer, Attention)
    return [
        f"--num-attention-heads {mixer.num_heads}",
        "--group-query-attention",
        f"--num-query-groups {mixer.num_kv_heads}",
        f"--kv-channels {mixer.head_dim}",
    ]


def _experts(moe: MoE) -> list[str]:
    lines = [
        f"--num-experts {moe.num_experts}",
        f"--moe-router-topk {moe.top_k}",
        f"--moe-ffn-hidden-size {moe.d_expert}",
        "--moe-router-load-balancing-type aux_loss",
        "--moe-grouped-gemm",
        "--moe-token-dispatcher-type alltoall",
    ]
    if moe.num_shared_experts:
        lines.append(f"--moe-shared-expert-intermediate-size {moe.num_shared_experts * moe.d_shared}")
    return lines
