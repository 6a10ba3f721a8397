"""What fits and what the caches hold, in words."""

from optimoe.arch.catalog import find_model
from optimoe.core.units import format_bytes
from optimoe.cost.layers.layout import Layout
from optimoe.cost.serving.cache import kv_tokens
from optimoe.cost.serving.estimate import predict_serving
from optimoe.cost.serving.memory import gpu_memory
from optimoe.report.words.memory_prose import batch_words, cache_words, memory_lines, memory_words
from tests.cost.cases import MIXTRAL, asked


def served(concurrency, arch=MIXTRAL, gpus=2, tp=2, **requests):
    deployment, layout = asked(gpus, **requests), Layout(tp=tp)
    machine, workload = deployment.machine(layout), deployment.workload
    memory = gpu_memory(machine, deployment.engine, arch, workload)
    estimate = predict_serving(arch, deployment, layout=layout, concurrency=float(concurrency))
    return estimate, memory, kv_tokens(machine, deployment.engine, arch, memory.cache, workload.full_context)


def test_requests_between_the_ends_of_the_band_fit_only_just():
    _, memory, _ = served(1)
    for concurrency, just in (
        (memory.requests_low, False),
        (memory.requests_low + 1, True),
        (memory.requests - 1, True),
        (memory.requests, False),  # as many as fit: between the ends by its making
    ):
        estimate, memory, _ = served(concurrency)
        words = batch_words(estimate, memory)
        ends = f"({memory.requests_low:.0f} – {memory.requests_high:.0f})"
        assert words.startswith(f"{concurrency:.0f} requests in flight, {memory.requests:.0f} fit {ends}")
        assert ("only just" in words) == just


def test_what_the_engine_keeps_is_said_beside_what_it_leaves():
    estimate, memory, capacity = served(16)
    words = memory_words(memory, estimate)
    for held in (
        memory.weights,
        memory.cache,
        memory.room.warm_up,
        memory.room.communicators,
        memory.room.unplanned,
    ):
        assert format_bytes(float(held)) in words
    assert "graphs" not in words  # vLLM counts none before it sizes the cache
    assert [label for label, _ in memory_lines(estimate, memory, capacity)] == ["Batch", "Memory", "Cache"]


def test_what_layers_that_share_pages_set_aside_stands_beside_what_they_hold():
    lengths = {"input_tokens": 7168, "output_tokens": 1024}
    _, memory, capacity = served(32, find_model("gpt-oss-20b"), 1, 1, **lengths)
    words = cache_words(memory, capacity)
    assert f"{capacity.tokens:,} tokens, {capacity.blocks:,} blocks of 16 a rank" in words
    assert f"{capacity.max_concurrency:,.2f} requests of 8,192 tokens at once" in words
    assert "each sets 403 MB aside on a GPU, where layers share pages, and holds 204 MB at least" in words
    _, memory, capacity = served(16)
    assert "aside" not in cache_words(memory, capacity)
