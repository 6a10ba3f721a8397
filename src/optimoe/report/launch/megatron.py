"""The winner as arguments of Megatron-LM."""

from itertools import groupby

from optimoe import __version__
from optimoe.arch.parts import Attention, DenseFFN, GatedDeltaNet, LatentAttention, MoE
from optimoe.arch.spec import ArchSpec, LayerGroup
from optimoe.core.run import RunSpec
from optimoe.cost.training.estimate import TrainRun
from optimoe.cost.training.layout import TrainLayout
from optimoe.planner.candidate import TrainingCost
from optimoe.planner.problem.shapes import attends_to_everything
from optimoe.planner.result import Plan
from optimoe.planner.runs.specs import winner_run
from optimoe.report.launch.config import rope_base

FSDP = ["--use-megatron-fsdp", "--ckpt-format fsdp_dtensor", "--use-distributed-optimizer"]
SHARDING: dict[int, list[str]] = {
    0: [],
    1: ["--use-distributed-optimizer"],
    2: [*FSDP, "--data-parallel-sharding-strategy optim_grads"],
    3: [*FSDP, "--data-parallel-sharding-strategy optim_grads_params"],
}
"""Megatron-LM's arguments by the stage of ZeRO."""

BALANCING_COEFFICIENT = 0.01
"""Weight of the balancing loss: what Megatron-LM recommends to start with (transformer_config.py,
``moe_aux_loss_coeff``), whose own default is none at all."""

MIN_RATE_SHARE = 0.1
"""Lowest over peak rate, as of Hoffmann et al. 2022 (arXiv 2203.15556, App. B)."""


def megatron_arguments(plan: Plan) -> str:
    """One argument a line, for Megatron-LM's ``pretrain_gpt.py``; the data is its user's.

    Batch and layout are those of the plan; without a training cluster they are its user's too, and sequences have
    the usual length.
    """
    choice, training = plan.choice, plan.problem.training
    spec, moe, dense = choice.spec, choice.spec.moe, _dense_width(choice.spec)
    lines = [
        *_comments(plan),
        f"--num-layers {spec.num_layers}",
        f"--hidden-size {spec.d_model}",
        f"--ffn-hidden-size {dense or (moe.d_expert if moe else 0)}",
        *_attention(spec),
        *_near_layers(spec),
        "--swiglu",
        "--normalization RMSNorm",
        "--disable-bias-linear",
        "--position-embedding-type rope",
        f"--rotary-base {rope_base(plan.problem.context_tokens):.0f}",
        "--untie-embeddings-and-output-weights",
        f"--vocab-size {spec.vocab_size}",
        f"--seq-length {training.seq_len}",
        f"--max-position-embeddings {plan.problem.context_tokens}",
        "--bf16",
        *_schedule(winner_run(plan)),
    ]
    lines += _experts(moe) if moe else []
    lines += [f"--moe-layer-freq {_pattern(spec)}"] if moe and dense else []
    if training.run is not None and choice.training.layout is not None:
        lines += [*_step(choice.training, training.run), *_split(spec, choice.training.layout)]
    return "\n".join(lines) + "\n"


def _comments(plan: Plan) -> list[str]:
    seq_len, context = plan.problem.training.seq_len, plan.problem.context_tokens
    lines = [
        f"# Written by optimoe {__version__}: the model, its schedule and {round(plan.choice.tokens):,} tokens.",
        "# Yours to add: the data and its tokenizer. To see it start: --mock-data --tokenizer-type NullTokenizer",
    ]
    if context > seq_len:
        lines.append(
            f"# Trained on sequences of {seq_len:,} tokens, planned for requests of up to {context:,}: a stage on "
            "longer sequences must follow."
        )
    layout, idle = plan.choice.training.layout, plan.choice.training.idle_gpus
    if layout is not None and idle:
        lines.append(f"# Start it on {layout.num_gpus:.0f} GPUs: {idle} of the plan's stand idle.")
    if layout is not None and layout.tp > 1 and layout.zero < 2:
        lines.append("# With tensor parallelism, before Blackwell: export CUDA_DEVICE_MAX_CONNECTIONS=1")
    return lines


def _schedule(run: RunSpec) -> list[str]:
    """Samples and rate of the run that ``recipe.toml`` states, by Megatron-LM's words."""
    samples, rate = round(run.tokens / run.seq_len), run.schedule.peak_rate
    return [
        f"--train-samples {samples}",
        f"--lr {rate:.6g}",
        f"--min-lr {MIN_RATE_SHARE * rate:.6g}",
        "--lr-decay-style cosine",
        f"--lr-warmup-samples {round(run.schedule.warmup_tokens / run.seq_len)}",
        f"--lr-decay-samples {samples}",
    ]


def _attention(spec: ArchSpec) -> list[str]:
    mixer = spec.attention
    if isinstance(mixer, LatentAttention):
        return [
            f"--num-attention-heads {mixer.num_heads}",
            "--multi-latent-attention",
            "--rope-type rope",  # its own default for latent attention is a stretched one, yarn
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
        *(["--qk-layernorm"] if mixer.qk_norm == "head" else []),
        *(["--attention-output-gate"] if mixer.output_gate else []),
    ]


def _near_layers(spec: ArchSpec) -> list[str]:
    """Windows or linear attention in all but every n-th layer; none where all layers attend to everything.

    A window of Megatron-LM's is the tokens to the left of a token, which it does not count among them.
    """
    near = next((group.mixer for group in spec.layers if not attends_to_everything(group.mixer)), None)
    every = 1 + next(at for at, group in enumerate(_layers(spec)) if attends_to_everything(group.mixer))
    if isinstance(near, Attention):
        return [f"--window-size {near.window_tokens - 1},0", f"--window-attn-skip-freq {every}"]
    if isinstance(near, GatedDeltaNet):
        return [
            "--experimental-attention-variant gated_delta_net",
            f"--linear-attention-freq {every}",
            f"--linear-conv-kernel-dim {near.d_conv}",
            f"--linear-key-head-dim {near.key_dim}",
            f"--linear-value-head-dim {near.value_dim}",
            f"--linear-num-key-heads {near.num_key_heads}",
            f"--linear-num-value-heads {near.num_value_heads}",
        ]
    return []


def _layers(spec: ArchSpec) -> list[LayerGroup]:
    """The group of each layer, from the input up."""
    return [group for group in spec.layers for _ in range(group.num_layers)]


def _dense_width(spec: ArchSpec) -> int:
    """Width of the feed-forwards of layers that do not route; 0 where all do."""
    return next((group.ffn.d_ff for group in spec.layers if isinstance(group.ffn, DenseFFN)), 0)


def _pattern(spec: ArchSpec) -> str:
    """Which layers route, as the Python list that Megatron-LM evaluates: ``[0]*3+[1]*58``."""
    runs = groupby(isinstance(group.ffn, MoE) for group in _layers(spec))
    return "+".join(f"[{routes:d}]*{len(list(run))}" for routes, run in runs)


def _step(cost: TrainingCost, run: TrainRun) -> list[str]:
    fp8 = ["--fp8-format hybrid"] if run.setup.precision == "fp8" else []
    return [f"--global-batch-size {cost.batch_tokens // run.seq_len}", *fp8]


def _split(spec: ArchSpec, layout: TrainLayout) -> list[str]:
    lines = [
        f"--tensor-model-parallel-size {layout.tp:.0f}",
        f"--pipeline-model-parallel-size {layout.pp:.0f}",
        *_stages(spec.num_layers, layout),
    ]
    if spec.moe:
        # experts are dealt over max(tp, ep) GPUs: fewer parts than tp leave each expert split by the rest
        lines += [
            f"--expert-model-parallel-size {layout.ep:.0f}",
            f"--expert-tensor-parallel-size {max(1, int(layout.tp // layout.ep))}",
        ]
    lines.append(f"--micro-batch-size {layout.micro_batch:.0f}")
    if layout.sequence_parallel:
        lines.append("--sequence-parallel")
    if layout.recompute == "full":
        lines += ["--recompute-granularity full", "--recompute-method uniform", "--recompute-num-layers 1"]
    if layout.recompute == "selective":
        lines.append("--recompute-granularity selective")
    return lines + SHARDING[int(layout.zero)]


def _stages(num_layers: int, layout: TrainLayout) -> list[str]:
    """How layers are dealt to the stages of a pipeline, where not each has as many.

    Megatron-LM refuses layers that the stages do not divide, unless told the layers of each (its user guide,
    Custom Pipeline Model Parallel Layout). The first and the last stage hold what the layout of the plan says;
    what they hold fewer than the others lacks in their outermost chunk, beside the embeddings.
    """
    pp, chunks = int(layout.pp), int(layout.interleave)
    first, last = int(layout.first_layers), int(layout.last_layers)
    deep = (num_layers - first - last) // (pp - 2) if pp > 2 else max(first, last)
    if pp == 1 or (first == last == deep and deep % chunks == 0):
        return [f"--num-virtual-stages-per-pipeline-rank {chunks}"] if chunks > 1 else []
    deep = chunks * -(-deep // chunks)
    sizes = [deep // chunks] * (pp * chunks)
    sizes[0] -= deep - first
    sizes[-1] -= deep - last
    return [f"--pipeline-model-parallel-layout {_layout_words(sizes)}"]


def _layout_words(sizes: list[int]) -> str:
    """Layers of each chunk as Megatron-LM's string: ``Et*2|t*3|t*2L``, chunks between bars."""
    chunks = [f"t*{size}" if size else "" for size in sizes]
    return "|".join(["E" + chunks[0], *chunks[1:-1], chunks[-1] + "L"])


def _experts(moe: MoE) -> list[str]:
    lines = [
        f"--num-experts {moe.num_experts}",
        f"--moe-router-topk {moe.top_k}",
        f"--moe-ffn-hidden-size {moe.d_expert}",
        "--moe-router-load-balancing-type aux_loss",
        f"--moe-aux-loss-coeff {BALANCING_COEFFICIENT}",
        "--moe-grouped-gemm",
        "--moe-token-dispatcher-type alltoall",
    ]
    if moe.num_shared_experts:
        lines.append(f"--moe-shared-expert-intermediate-size {moe.num_shared_experts * moe.d_shared}")
    if moe.shared_gate:
        lines.append("--moe-shared-expert-gate")
    return lines
