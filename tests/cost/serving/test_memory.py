from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimoe.arch.catalog import find_model
from optimoe.arch.hf import from_config
from optimoe.arch.params import count_mtp_params
from optimoe.arch.quantize import with_precision
from optimoe.core.errors import ConfigError
from optimoe.cost.engines.engine import Engine
from optimoe.cost.layers.layout import Layout
from optimoe.cost.serving.estimate import predict_serving, prepare
from optimoe.cost.serving.memory import gpu_memory, largest_batch
from optimoe.cost.serving.workload import Workload
from tests.arch.small_configs import small_config
from tests.cost.cases import DEEPSEEK, H100, LAYOUTS, MIXTRAL, deployment, machine


def serve(concurrency, tp=2, gpus=2, **changes):
    layout = Layout(tp=tp, dp=gpus // tp)
    return predict_serving(MIXTRAL, deployment(gpus, **changes), layout=layout, concurrency=concurrency)


def test_mixtral_keeps_as_many_requests_as_arithmetic_says():
    """80 GiB · 0.99 · 0.9 − 46.7 GB of weights − sorted logits, hidden states − 0.59 GB; 2,048 tokens' cache."""
    sampler = 38 * 1024 * 32_000 + 8192 * 2 * 4096
    usable = 85_899_345_920 * 0.99 * 0.9 - sampler - (1.4e8 + 4.5e8)
    copied = 32 * (8 * 4096 + 2 * 4096) + 4096  # bytes: half of the router and the norms, which are on both GPUs
    assert serve(1).max_batch == (usable - 46_702_792_704 - copied) // (2048 * 131_072 / 2)


def test_more_than_what_the_most_leaves_fits_but_only_just():
    memory = gpu_memory(machine(Layout(tp=2)), Engine(), MIXTRAL, Workload())
    assert memory.requests_low < memory.requests < memory.requests_high
    assert memory.verdict(memory.requests_low) == "yes"
    assert memory.verdict(memory.requests_low + 1) == memory.verdict(memory.requests) == "only just"
    assert memory.verdict(memory.requests + 1) == "no"


def test_a_stated_share_takes_the_place_of_the_engines_own():
    small, large = (
        gpu_memory(machine(Layout(tp=2)), Engine(memory_share=share), MIXTRAL, Workload()) for share in (0.8, 0.98)
    )
    assert large.cache - small.cache == pytest.approx(0.18 * large.room.visible)


@given(
    factor=st.floats(1, 8),
    name=st.sampled_from(["mixtral-8x7b", "llama-3.1-8b", "mistral-7b"]),
    tp=st.sampled_from([1, 2, 4, 8]),
    tokens=st.integers(1, 30_000),
)
def test_more_memory_never_lowers_the_largest_batch(factor, name, tp, tokens):
    workload = Workload(input_tokens=tokens, output_tokens=100)
    larger = replace(H100, memory_bytes=H100.memory_bytes * factor)
    now, then = (
        largest_batch(machine(Layout(tp=tp), gpu), Engine(), find_model(name), workload) for gpu in (H100, larger)
    )
    assert then >= now


@given(layout=st.sampled_from(LAYOUTS), factor=st.floats(1, 8), tokens=st.integers(1, 100_000))
def test_more_memory_never_lowers_the_largest_batch_in_any_layout(layout, factor, tokens):
    larger = replace(H100, memory_bytes=H100.memory_bytes * factor)
    workload = Workload(input_tokens=tokens, output_tokens=100)
    now, then = (largest_batch(machine(layout, gpu), Engine(), MIXTRAL, workload) for gpu in (H100, larger))
    assert then >= now


def test_drafts_are_held_beside_the_model():
    """A layer like the last and a projection 2d → d, in their formats."""
    workload, served = Workload(), with_precision(DEEPSEEK, "fp8")
    engines = Engine(), Engine(draft_tokens=1)
    plain, drafting = (gpu_memory(machine(), engine, served, workload).weights for engine in engines)
    one_more = count_mtp_params(replace(DEEPSEEK, num_mtp_layers=1))
    assert drafting - plain == pytest.approx(one_more, rel=1e-3)


def test_stated_formats_are_held_whoever_states_them():
    workload, served = Workload(), with_precision(MIXTRAL, "fp8", attention="bf16")
    stated = machine(precision="fp8", attention_precision="bf16")
    assert gpu_memory(stated, Engine(), MIXTRAL, workload) == gpu_memory(machine(), Engine(), served, workload)


def test_a_deployment_that_is_asked_for_runs_what_the_least_leaves_where_the_usual_leaves_nothing():
    model, asked_for = find_model("gpt-oss-120b"), deployment(1)
    ready = prepare(model, asked_for, Layout())
    memory = gpu_memory(asked_for.machine(Layout()), asked_for.engine, model, asked_for.workload)
    assert ready.fits < 1 < ready.places == memory.requests_high
    roomy = prepare(MIXTRAL, deployment(2), Layout(tp=2))
    assert roomy.places == roomy.fits


def test_a_draft_alone_is_refused_as_it_keeps_no_cache():
    draft = from_config(small_config("gemma4_assistant"), "draft")
    with pytest.raises(ConfigError, match="cache: must be kept by some layer: a draft is served with the model"):
        predict_serving(draft, deployment(1), layout=Layout(), concurrency=1)
