"""JSON of the memory of a GPU that serves, and of the cache that its engine deals out."""

from dataclasses import dataclass

from optimoe.core.records import same_fields
from optimoe.cost.serving.cache import CacheCapacity
from optimoe.cost.serving.memory import GpuMemory


@dataclass(frozen=True, kw_only=True)
class GpuMemoryRecord:
    """Bytes of the GPU that holds most of its pipeline stage.

    Attributes:
        visible: Bytes of device memory that a process sees.
        usable: Bytes that the engine gives to weights, activations and cache.
        weights: Bytes of its share of the model.
        activations: Bytes of the engine's run at its largest sizes, beside the weights.
        communicators: Bytes of buffers between GPUs, and of what every rank holds beside the framework's pool.
        graphs: Bytes of captured graphs that count against the cache.
        unplanned: Bytes that the engine does not plan with.
        cache: Bytes for the caches of all requests.
        cache_low: The same by the most that releases and set-ups of the engine take.
        cache_high: The same by the least that they take.
        cache_per_request: Bytes of one request's cache at full length.
    """

    visible: float
    usable: float
    weights: float
    activations: float
    communicators: float
    graphs: float
    unplanned: float
    cache: float
    cache_low: float
    cache_high: float
    cache_per_request: float


@dataclass(frozen=True, kw_only=True)
class CacheRecord:
    """What the caches of a deployment hold, in its engine's own counts.

    Attributes:
        kv_tokens: Tokens, the attention ranks' own caches added up.
        kv_blocks: Blocks of one attention rank.
        block_tokens: Tokens of a block.
        max_concurrency: Requests of ``length`` tokens at once, over all ranks; not whole.
        length: Tokens of such a request, prompt and answer.
        request_bytes: Bytes that one of them sets aside on a GPU.
    """

    kv_tokens: int
    kv_blocks: int
    block_tokens: int
    max_concurrency: float
    length: int
    request_bytes: float


def memory_record(memory: GpuMemory) -> GpuMemoryRecord:
    """What one GPU holds."""
    room = memory.room
    return GpuMemoryRecord(
        visible=room.visible,
        usable=room.usable + room.warm_up,
        weights=memory.weights,
        activations=room.warm_up,
        communicators=room.communicators,
        graphs=room.graphs,
        unplanned=room.unplanned,
        cache=memory.cache,
        cache_low=room.usable_low - memory.weights,
        cache_high=room.usable_high - memory.weights,
        cache_per_request=memory.cache_per_request,
    )


def cache_record(capacity: CacheCapacity) -> CacheRecord:
    """What the caches hold."""
    return same_fields(CacheRecord, capacity, kv_tokens=capacity.tokens, kv_blocks=capacity.blocks)
