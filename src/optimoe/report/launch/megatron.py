"""The winner as arguments of Megatron-LM."""

from optimoe import __version__
from optimoe.arch.parts import Attention, DenseFFN, LatentAttention, MoE
from optimoe.arch.spec import ArchSpec
from optimoe.cost.training import USUAL_SEQ_LEN
from optimoe.cost.training.layout import TrainLayout
from optimoe.planner.result import Plan

FSDP = ["--use-megatron-fsdp", "--ckpt-format fsdp_dtensor", "--use-distributed-optimizer"]
SHARDING: dict[int, list[str]] = {
    0: [],
    1: ["--use-distributed-optimizer"],
    2: [*FSDP, "--data-parallel-sharding-strategy optim_grads"],
    3: [*FSDP, "--data-parallel-sharding-strategy optim_grads_params"],
}
"""Megatron-LM's arguments by the stage of ZeRO."""


def megatron_arguments(plan: Plan) -> str:
    """One argument a line, for Megatron-LM's ``pretrain_gpt.py``; data and schedule are its user's.

    Batch and layout are those of the plan; without a training cluster they are its user's too, and sequences have
    the usual length.
    """
    choice, run = plan.choice, plan.problem.training.run
    spec, moe, dense = choice.spec, choice.spec.moe, _dense_width(choice.spec)
    seq_len = run.seq_len if run else USUAL_SEQ_LEN
    samples = round(choice.tokens / seq_len)
    lines = [
        f"# Written by optimoe {__version__}: the model, and samples of {seq_len} tokens.",
        f"--num-layers {spec.num_layers}",
        f"--hidden-size {spec.d_model}",
        f"--ffn-hidden-size {dense or (moe.d_expert if moe else 0)}",
        *_attention(spec),
        "--swiglu",
        "--normalization RMSNorm",
        "--disable-bias-linear",
        "--position-embedding-type rope",
        "--untie-embeddings-and-output-weights",
        f"--vocab-size {spec.vocab_size}",
        f"--seq-length {seq_len}",
        f"--max-position-embeddings {seq_len}",
        f"--train-samples {samples}",
        "--bf16",
    ]
    lines += _experts(moe) if moe else []
    lines += [f"--moe-layer-freq {_pattern(spec)}"] if moe and dense else []
    if run is not None and choice.training.layout is not None:
        lines += [f"--global-batch-size {run.sequences}", *_split(choice.training.layout)]
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


def _dense_width(spec: ArchSpec) -> int:
    """Width of the feed-forwards of layers that do not route; 0 where all do."""
    return next((group.ffn.d_ff for group in spec.layers if isinstance(group.ffn, DenseFFN)), 0)


def _pattern(spec: ArchSpec) -> str:
    """Which layers route, as the Python list that Megatron-LM evaluates: ``[0]*3+[1]*58``."""
    return "+".join(f"[{isinstance(group.ffn, MoE):d}]*{group.num_layers}" for group in spec.layers)


def _split(layout: TrainLayout) -> list[str]:
    lines = [
        f"--tensor-model-parallel-size {layout.tp:.0f}",
        f"--pipeline-model-parallel-size {layout.pp:.0f}",
        f"--expert-model-parallel-size {layout.ep:.0f}",
        f"--micro-batch-size {layout.micro_batch:.0f}",
    ]
    if layout.sequence_parallel:
        lines.append("--sequence-parallel")
    if layout.recompute == "full":
        lines += ["--recompute-granularity full", "--recompute-method uniform", "--recompute-num-layers 1"]
    return lines + SHARDING[int(layout.zero)]


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
