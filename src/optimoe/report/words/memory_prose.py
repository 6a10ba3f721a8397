"""The memory of GPUs that serve, in labelled lines: what fits, what a GPU holds, what the caches hold."""

from optimoe.arch.spec import ArchSpec
from optimoe.core.units import format_bytes
from optimoe.cost.serving.cache import CacheCapacity
from optimoe.cost.serving.estimate import Deployment, ServingEstimate
from optimoe.cost.serving.memory import GpuMemory, gpu_memory
from optimoe.report.words.lines import Lines

ONLY_JUST = "not where the engine takes the most that it is known to"
SET_ASIDE = 1.05
"""Where an engine sets aside so many times a request's own cache, both are said: less are half-full blocks."""


def memory_lines(estimate: ServingEstimate, memory: GpuMemory, capacity: CacheCapacity) -> Lines:
    """How many requests fit, what one GPU holds, and what the caches of the deployment hold."""
    return [
        ("Batch", batch_words(estimate, memory)),
        ("Memory", memory_words(memory, estimate)),
        ("Cache", cache_words(memory, capacity)),
    ]


def batch_words(estimate: ServingEstimate, memory: GpuMemory) -> str:
    """Requests in flight and how many fit, between what most and least memory an engine takes.

    A batch as large as the memory holds lies between the two by its making: of it that is no news, as long as one
    request fits even where the engine takes the most.
    """
    dp = estimate.layout.dp
    low, high = (max(float(ends), 0.0) * dp for ends in (memory.requests_low, memory.requests_high))
    said = f"{estimate.concurrency:.0f} requests in flight, {estimate.max_batch:.0f} fit ({low:.0f} – {high:.0f})"
    return f"{said}: fits, but only just: {ONLY_JUST}" if fits_only_just(estimate, memory) else said


def fits_only_just(estimate: ServingEstimate, memory: GpuMemory) -> bool:
    """Whether requests fit by what an engine usually takes, not by the most, and are not as many as fit."""
    dp = estimate.layout.dp
    free = dp if estimate.at_random else 0  # each rank keeps a place for the next request
    as_many_as_fit = estimate.concurrency == estimate.max_batch - free and memory.requests_low >= 1
    return not as_many_as_fit and memory.verdict(estimate.concurrency / dp) == "only just"


def tightness(spec: ArchSpec, deployment: Deployment, estimate: ServingEstimate, said: str = ", fits") -> str:
    """What to add to a deployment whose requests fit only just; empty of others.

    Args:
        spec: The model.
        deployment: Where it is served.
        estimate: With its requests in flight.
        said: How the addition begins, where nobody has said yet that they fit.
    """
    memory = gpu_memory(deployment.machine(estimate.layout), deployment.engine, spec, deployment.workload)
    return f"{said}, but only just: {ONLY_JUST}" if fits_only_just(estimate, memory) else ""


def memory_words(memory: GpuMemory, estimate: ServingEstimate) -> str:
    """What one GPU holds, and what its engine leaves for caches and keeps."""
    cache = memory.cache_per_request * estimate.concurrency / estimate.layout.dp
    room = memory.room
    low, high = (max(float(usable - memory.weights), 0.0) for usable in (room.usable_low, room.usable_high))
    kept = {
        "warm-up": room.warm_up,
        "communicators": room.communicators,
        "graphs": room.graphs,
        "not planned with": room.unplanned,
    }
    parts = ", ".join(f"{name} {format_bytes(float(held))}" for name, held in kept.items() if held > 0)
    return (
        f"a GPU: weights {format_bytes(memory.weights)} + cache {format_bytes(cache)} of the "
        f"{format_bytes(memory.cache)} left for it ({format_bytes(low)} – {format_bytes(high)}); the engine's own "
        f"of {format_bytes(room.visible)}: {parts}"
    )


def cache_words(memory: GpuMemory, capacity: CacheCapacity) -> str:
    """Tokens, blocks and requests at once, as the engine counts them."""
    said = (
        f"{capacity.tokens:,} tokens, {capacity.blocks:,} blocks of {capacity.block_tokens} a rank; at most "
        f"{capacity.max_concurrency:,.2f} requests of {capacity.length:,} tokens at once by the engine's count"
    )
    if capacity.request_bytes <= SET_ASIDE * memory.cache_per_request:
        return said
    return (
        f"{said}: each sets {format_bytes(capacity.request_bytes)} aside on a GPU, where layers share pages, and "
        f"holds {format_bytes(memory.cache_per_request)} at least"
    )
