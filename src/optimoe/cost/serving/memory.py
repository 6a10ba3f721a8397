"""What the memory of one GPU holds while serving, and the largest batch that fits."""

from dataclasses import dataclass, replace

import numpy as np

from optimoe.arch.memory import kv_bytes
from optimoe.arch.params import count_params
from optimoe.arch.parts import FeedForward, MoE
from optimoe.arch.precision.formats import bytes_per_value
from optimoe.arch.spec import ArchSpec
from optimoe.core.arrays import Values
from optimoe.cost.engines.engine import Engine
from optimoe.cost.facts import efficiency
from optimoe.cost.layers.machine import Machine
from optimoe.cost.layers.sizes import LayerSizes, deepest_stage_share, layer_sizes
from optimoe.cost.serving.workload import Workload

ACTIVATION_BYTES, LOGIT_BYTES = 2, 4


@dataclass(frozen=True, kw_only=True)
class GpuMemory:
    """Bytes of one GPU, the fullest of its stage.

    Attributes:
        usable: Part of the device memory that an engine gives to the three below; the rest is its own (context,
            communication buffers, captured graphs).
        weights: Its share of the model.
        activations: Those of the largest chunk of prompts, with the logits of a full batch of one token each.
        cache_per_request: Cache of one request of its attention rank, at full length.
    """

    usable: Values
    weights: Values
    activations: Values
    cache_per_request: Values

    @property
    def requests(self) -> Values:
        """Requests of an attention rank that fit at full length, whole; zero or less: the weights do not."""
        return np.floor((self.usable - self.weights - self.activations) / self.cache_per_request)


def gpu_memory(machine: Machine, engine: Engine, arch: ArchSpec, workload: Workload) -> GpuMemory:
    """The memory of one GPU of a deployment."""
    return GpuMemory(
        usable=machine.gpu.memory_bytes * efficiency("usable_memory"),
        weights=weights_per_gpu(machine, arch),
        activations=_activations(machine, engine.chunk_tokens, arch),
        cache_per_request=_cache_per_request(machine, arch, workload.full_context),
    )


def weights_per_gpu(machine: Machine, arch: ArchSpec) -> Values:
    """Bytes of the weights on one GPU.

    Routed experts over the GPUs of the group, as far as they are resident; everything else over tp; both over
    the stages, the deepest of which holds ⌈layers/pp⌉ layers. Embeddings stand in the first and last stage.
    """
    layout, params = machine.layout, count_params(arch)
    stage = deepest_stage_share(arch, layout.pp)
    experts = params.routed_experts / layout.group * layout.resident
    common = (params.nonembedding - params.routed_experts) / layout.tp
    ends = (params.embedding + params.unembedding) / layout.tp / np.minimum(layout.pp, 2)
    return bytes_per_value(machine.execution.precision) * (stage * (experts + common) + ends)


def largest_batch(machine: Machine, engine: Engine, arch: ArchSpec, workload: Workload) -> Values:
    """Requests of one attention rank whose full contexts fit: a lower estimate, few are at their end at once."""
    return gpu_memory(machine, engine, arch, workload).requests


def _cache_per_request(machine: Machine, arch: ArchSpec, tokens: Values) -> Values:
    """Each layer's cache over its shards, the deepest stage's share of the layers."""
    return deepest_stage_share(arch, machine.layout.pp) * sum(
        kv_bytes(replace(arch, layers=(group,)), tokens, machine.execution.kv_precision)
        / machine.cache_shards(group.mixer.cache_heads)
        for group in arch.layers
    )


def _activations(machine: Machine, chunk_tokens: int, arch: ArchSpec) -> Values:
    """2 bytes · chunk · (4·d + widest layer's values on this GPU), and one chunk's last logits in fp32."""
    widest: Values = 0
    for group, sizes in zip(arch.layers, layer_sizes(arch), strict=True):
        widest = np.maximum(widest, _values_per_token(machine, group.ffn, sizes))
    values = 4 * arch.d_model + widest
    return chunk_tokens * ACTIVATION_BYTES * values + LOGIT_BYTES * arch.vocab_size / machine.tp


def _values_per_token(machine: Machine, ffn: FeedForward | None, sizes: LayerSizes) -> Values:
    """The larger of the mixer's columns and the feed-forward's hidden values for one token of the chunk."""
    layout = machine.layout
    widest = np.maximum(sizes.mixer_columns, sizes.dense_hidden) / layout.tp
    if isinstance(ffn, MoE):
        pairs = ffn.top_k * layout.attention_ranks / layout.ep
        widest = np.maximum(widest, pairs * (ffn.num_matrices * ffn.d_expert / layout.expert_tp + sizes.d_model))
    return widest
