"""What a serving engine takes of a GPU beside weights and cache: rules per engine, and the bytes they come to.

An engine runs once at its largest sizes before it serves, and gives the cache what that leaves:

    warm-up = max(chunk's activations, logits·sampled requests + hidden states) + workspaces that stay
    between GPUs = a rank's own + so much for each peer of a node

The sampler sorts the logits of every request that may run at once, gathered on each GPU whatever ``tp`` is: with
PyTorch's sort 38 bytes a logit: 2 of bf16, 4 of fp32, the sorted ones 4, their places 8, and the sort's own 8 + 12
(aten/src/ATen/native/cuda/SortStable.cu, segmented_sort_pairs, and CUB's double buffers).
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from optimoe.arch.parts import FeedForward, MoE
from optimoe.arch.precision.parts import LAYER_PARTS
from optimoe.arch.spec import ArchSpec
from optimoe.core.arrays import Values
from optimoe.core.errors import require
from optimoe.cost.facts import efficiency
from optimoe.cost.layers.machine import Machine
from optimoe.cost.layers.sizes import LayerSizes, layer_sizes

ACTIVATION_BYTES = 2
LARGE_GPU_BYTES = 70 * 2**30
"""From here on vLLM samples more requests at once, A100 excepted: vllm/engine/arg_utils.py, get_batch_defaults."""

ShareOf = Literal["device", "start", "free"]
Ends = tuple[float, float, float]
"""The least, the usual and the most of what releases and set-ups of an engine take."""

NOTHING: Ends = (0.0, 0.0, 0.0)


RANGES = (
    "rest_scale",
    "logit_bytes",
    "kept_workspace",
    "rank_bytes",
    "peer_bytes",
    "repacked_share",
    "graph_bytes",
)
"""Rules that differ between releases and set-ups."""


@dataclass(frozen=True, kw_only=True)
class Reserve:
    """How an engine shares out a GPU; by default nine tenths of its nominal memory, and nothing else.

    Attributes:
        memory_share: Share of the memory that it plans with; 0 where ``rest`` decides.
        later_share: What later releases take instead; 0 where they take the same.
        share_of: What that is a share of: the whole device, with warm-up and communicators inside (vLLM); what
            is free at the start, with weights and cache alone inside (SGLang); or what weights and warm-up leave
            free, for the cache alone (TensorRT-LLM).
        driver_share: Share of the nominal memory that the driver keeps from every process.
        rest_bytes, rest_token_bytes, rest_gpu_bytes: Where ``memory_share`` is 0: what stays outside it, so much
            and for each token of a chunk and each GPU of a copy.
        rest_scale: Least, usual and most of those, over the usual.
        sampled_requests, sampled_requests_small: Requests whose logits the warm-up samples at once, on GPUs from
            70 GiB (A100 excepted) and on others.
        logit_bytes: Bytes of one sampled logit.
        kept_workspace: Share of the routed experts' workspace that stays beside the sampler.
        rank_bytes: Outside the framework's own pool, on every GPU.
        peer_bytes: For each other GPU of a copy in the same node: buffers of communicators grow with their ranks
            (NCCL, src/transport/nvls.cc, ncclNvlsBufferSetup).
        repacked_share: Of the weights of a quantised model, what kernels add as they repack them.
        graph_bytes: Captured graphs, as far as they count before the cache is sized.
        context_bytes: The process's context; inside what ``device`` leaves over, before ``start`` and ``free``.
        source: Where the rules stand.

    Raises:
        ConfigError: A share is not in [0, 1], a size is negative, or ends do not rise.
    """

    memory_share: float = field(default_factory=lambda: efficiency("usable_memory"))
    later_share: float = 0.0
    share_of: ShareOf = "device"
    driver_share: float = 0.0
    rest_bytes: float = 0.0
    rest_token_bytes: float = 0.0
    rest_gpu_bytes: float = 0.0
    rest_scale: Ends = (1.0, 1.0, 1.0)
    sampled_requests: int = 0
    sampled_requests_small: int = 0
    logit_bytes: Ends = NOTHING
    kept_workspace: Ends = NOTHING
    rank_bytes: Ends = NOTHING
    peer_bytes: Ends = NOTHING
    repacked_share: Ends = NOTHING
    graph_bytes: Ends = NOTHING
    context_bytes: float = 0.0
    source: str = ""

    def __post_init__(self) -> None:
        for name in ("memory_share", "later_share", "driver_share"):
            require(0 <= getattr(self, name) <= 1, name, "from 0 to 1", getattr(self, name))
        sizes = ("rest_bytes", "rest_token_bytes", "rest_gpu_bytes", "sampled_requests", "sampled_requests_small")
        for name in (*sizes, "context_bytes"):
            require(0 <= getattr(self, name) < np.inf, name, "zero or more and finite", getattr(self, name))
        for name in RANGES:
            ends = getattr(self, name)
            require(
                0 <= ends[0] <= ends[1] <= ends[2] < np.inf, name, "zero or more and finite, the least first", ends
            )


@dataclass(frozen=True, kw_only=True)
class Room:
    """What an engine leaves of a GPU for weights and cache, and what it keeps, in bytes.

    Attributes:
        visible: Device memory that a process sees.
        warm_up: Peak of the run at the largest sizes, beside the weights.
        communicators: Buffers between GPUs and what every rank holds beside the framework's pool.
        graphs: Captured graphs that count against the cache.
        unplanned: What the engine does not plan with: the rest of its share, the process's context.
        usable: For weights and cache: the visible memory without the four before.
        usable_low, usable_high: The same by the largest and by the smallest of what releases and set-ups take.
    """

    visible: Values
    warm_up: Values
    communicators: Values
    graphs: Values
    unplanned: Values
    usable: Values
    usable_low: Values
    usable_high: Values


LEAST, USUAL, MOST = range(3)
"""Places in :data:`Ends`."""


def room(
    reserve: Reserve,
    machine: Machine,
    arch: ArchSpec,
    *,
    chunk_tokens: int,
    weights: Values,
    memory_share: float = 0,
) -> Room:
    """What an engine leaves of each GPU of a deployment: :func:`_usable`, by the usual and by either end.

    Args:
        reserve: The engine's rules.
        machine: GPU and layout.
        arch: The model.
        chunk_tokens: Most prompt tokens of one step.
        weights: Bytes of the model on one GPU.
        memory_share: Instead of the engine's own; 0 is its own.
    """
    visible = machine.gpu.memory_bytes * (1 - reserve.driver_share)
    kept_at = _kept(reserve, machine, arch, chunk_tokens)

    def usable(end: int) -> Values:
        share = memory_share or reserve.memory_share
        if not share:
            share = 1 - _rest(reserve, machine, chunk_tokens, end) / visible
        kept = sum(kept_at(end))
        repacked = reserve.repacked_share[end] * weights if _quantised(arch) else 0.0
        return _usable(reserve, visible, share, kept, weights) - repacked

    usual = usable(USUAL)
    warm_up, communicators, graphs = kept_at(USUAL)
    return Room(
        visible=visible,
        warm_up=warm_up,
        communicators=communicators,
        graphs=graphs,
        unplanned=visible - usual - warm_up - communicators - graphs,
        usable=usual,
        usable_low=usable(MOST),
        usable_high=usable(LEAST),
    )


def _usable(reserve: Reserve, visible: Values, share: Values, kept: Values, weights: Values) -> Values:
    """Bytes for weights and cache, of M visible, s the share, k kept, c the context and w the weights.

    device: s·M − k; start: s·(M − c − k); free: w + s·(M − c − k − w). Sources: vLLM,
    vllm/v1/worker/gpu_worker.py, determine_available_memory; SGLang, srt/model_executor/model_runner.py,
    profile_max_num_token; TensorRT-LLM, _torch/pyexecutor/_util.py, _cal_max_memory.
    """
    if reserve.share_of == "device":
        return share * visible - kept
    start = visible - reserve.context_bytes - kept
    return share * start if reserve.share_of == "start" else weights + share * (start - weights)


def _kept(
    reserve: Reserve, machine: Machine, arch: ArchSpec, chunk_tokens: int
) -> Callable[[int], tuple[Values, Values, Values]]:
    """Bytes of the warm-up, between GPUs, and of graphs, by end; of SGLang, which measures no more, those between.

    What the ends have in common is computed once: these are grids where designs are searched.
    """
    peers = np.minimum(machine.layout.gpus_per_replica, machine.gpu.gpus_per_node) - 1
    token_bytes = chunk_tokens * ACTIVATION_BYTES
    measured = reserve.share_of != "start"
    routed = _widest(machine, arch, routed=True) if measured else 0
    chunk = token_bytes * (4 * arch.d_model + np.maximum(routed, _widest(machine, arch, routed=False)))
    logits = _sampled(reserve, machine) * arch.logits

    def kept(end: int) -> tuple[Values, Values, Values]:
        communicators = reserve.rank_bytes[end] + reserve.peer_bytes[end] * peers
        if not measured:
            return 0.0, communicators, 0.0
        sampling = reserve.logit_bytes[end] * logits + token_bytes * arch.d_model
        if reserve.kept_workspace[end]:
            sampling = sampling + reserve.kept_workspace[end] * token_bytes * routed
        return np.maximum(chunk, sampling), communicators, reserve.graph_bytes[end]

    return kept


def _quantised(arch: ArchSpec) -> bool:
    """Whether any part of a layer is stored in less than bf16."""
    parts = [group.precisions.of(part) for group in arch.layers for part in LAYER_PARTS]
    return any(part not in ("bf16", "fp32") for part in parts)


def _rest(reserve: Reserve, machine: Machine, chunk_tokens: int, end: int) -> Values:
    """Bytes outside an engine's own share, by its rule: base + chunk·token + GPUs of a copy·GPU."""
    rest = reserve.rest_bytes + reserve.rest_token_bytes * chunk_tokens
    return reserve.rest_scale[end] * (rest + reserve.rest_gpu_bytes * machine.layout.gpus_per_replica)


def _sampled(reserve: Reserve, machine: Machine) -> int:
    large = machine.gpu.memory_bytes >= LARGE_GPU_BYTES and machine.gpu.architecture != "ampere"
    return reserve.sampled_requests if large else reserve.sampled_requests_small


def _widest(machine: Machine, arch: ArchSpec, *, routed: bool) -> Values:
    """Values of one token in the widest layer: of its routed experts, or of its mixer and dense feed-forward."""
    widest: Values = 0
    for group, sizes in zip(arch.layers, layer_sizes(arch), strict=True):
        own = _routed_values(machine, group.ffn, sizes) if routed else _dense_values(machine, sizes)
        widest = np.maximum(widest, own)
    return widest


def _dense_values(machine: Machine, sizes: LayerSizes) -> Values:
    return np.maximum(sizes.mixer_columns, sizes.dense_hidden) / machine.layout.tp


def _routed_values(machine: Machine, ffn: FeedForward | None, sizes: LayerSizes) -> Values:
    """Of the pairs that reach this GPU: hidden values over its matrices, and the experts' outputs."""
    if not isinstance(ffn, MoE):
        return 0
    layout = machine.layout
    pairs = ffn.mean_top_k * layout.attention_ranks / layout.ep
    return pairs * (ffn.num_matrices * ffn.d_expert / layout.expert_tp + sizes.d_model)
