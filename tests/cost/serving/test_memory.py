from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimoe.arch.catalog import find_model
from optimoe.arch.count import count
from optimoe.cost.engines.engine import Engine
from optimoe.cost.layers.layout import Layout
from optimoe.cost.serving.estimate import predict_serving
from optimoe.cost.serving.memory import largest_batch, weights_per_gpu
from optimoe.cost.serving.workload import Workload
from tests.cost.cases import DEEPSEEK, H100, LAYOUTS, LLAMA, MIXTRAL, deployment, machine


def serve(concurrency, tp=2, gpus=2, **changes):
    layout = Layout(tp=tp, dp=gpus // tp)
    return predict_serving(MIXTRAL, deployment(gpus, **changes), layout=layout, concurrency=concurrency)


def test_mixtral_keeps_as_many_requests_as_arithmetic_says():
    """2 × 80 GiB · 0.9 − 93.4 GB of weights − two chunks' activations, 2,048 tokens of 131,072 bytes each."""
    activations = 2 * 8192 * (4 * 4096 + 2 * (3 * 14336 / 2 + 4096)) + 4 * 32000 / 2
    fits = (2 * (85_899_345_920 * 0.9 - activations) - 2 * 46_702_792_704) // (2048 * 131_072)
    assert serve(1).max_batch == fits


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


@pytest.mark.parametrize("arch", [MIXTRAL, DEEPSEEK, LLAMA], ids=lambda arch: arch.name)
@pytest.mark.parametrize("layout", [Layout(), Layout(tp=8), Layout(tp=4, pp=2)])
def test_the_gpus_of_a_copy_hold_every_weight_once(arch, layout):
    held = weights_per_gpu(machine(layout), arch) * layout.gpus_per_replica
    total = 2 * count(arch).params.total
    stages = np.ceil(arch.num_layers / layout.pp) * layout.pp / arch.num_layers
    assert total <= held <= total * stages * (1 + 1e-12)


def test_experts_are_divided_by_ep_and_attention_is_copied():
    """DeepSeek-V3 on 8 GPUs: an eighth of the routed experts each, everything else whole on every rank."""
    params = count(DEEPSEEK).params
    shared = machine(Layout(tp=1, dp=8, ep=8), precision="bf16")
    rest = params.total - params.routed_experts
    assert weights_per_gpu(shared, DEEPSEEK) == pytest.approx(2 * (params.routed_experts / 8 + rest))
    assert weights_per_gpu(machine(Layout(tp=8, ep=8)), DEEPSEEK) == pytest.approx(2 * params.total / 8)
    half = machine(Layout(tp=8, ep=8, resident=0.5))
    assert weights_per_gpu(half, DEEPSEEK) == pytest.approx(2 * (params.routed_experts / 16 + rest / 8))
