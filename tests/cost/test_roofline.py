import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimoe.arch.catalog import find_model
from optimoe.arch.count import count
from optimoe.cost.accelerator import accelerator_names, find_accelerator
from optimoe.cost.collectives import all_reduce_s
from optimoe.cost.roofline import Machine, decode_step, efficiency, prefill_step

MODELS = ("mixtral-8x7b", "llama-3.1-8b")
H100 = find_accelerator("h100-sxm")


def machine(tp=1, precision="bf16"):
    return Machine(gpu=H100, tp=tp, precision=precision)


def test_decoding_one_request_reads_the_active_weights_once():
    """Hand-worked: Llama 3.1 8B on one H100; weights without the input embedding at 75 % of 3.35 TB/s."""
    model = find_model("llama-3.1-8b")
    params = count(model).params
    read = 2 * (params.total - params.embedding - params.norms)
    step = decode_step(machine(), model, 1, 1)
    assert step.weight_reads_s == pytest.approx(read / (0.75 * 3.35e12), rel=1e-12)
    assert step.kv_reads_s == pytest.approx(131072 / (0.75 * 3.35e12), rel=1e-12)
    assert step.launch_s == pytest.approx(32 * 16e-6)
    assert step.all_reduce_s == 0
    assert step.compute_s == 0


def test_a_large_batch_reads_every_expert_and_a_single_token_reads_k():
    model = find_model("mixtral-8x7b")
    rate = 0.75 * 3.35e12
    experts = 2 * count(model).params.routed_experts
    assert decode_step(machine(), model, 1, 1).expert_reads_s == pytest.approx(experts * 2 / 8 / rate)
    assert decode_step(machine(), model, 100, 1).expert_reads_s == pytest.approx(experts / rate, rel=1e-9)


@pytest.mark.parametrize("name", MODELS)
@given(
    batch=st.integers(1, 2000),
    context=st.integers(1, 100_000),
    tp=st.sampled_from([1, 2, 4, 8]),
)
def test_no_step_beats_the_peaks_of_the_data_sheet(name, batch, context, tp):
    model = find_model(name)
    counted = count(model, context)
    step = decode_step(machine(tp), model, batch, context)
    flops = batch * counted.decode.total
    read = (
        2 * (counted.params.active_nonembedding - counted.params.norms) + batch * counted.kv_bytes_per_token
    )
    assert step.total_s > flops / (tp * H100.flops_per_s("bf16"))
    assert step.total_s > read / (tp * H100.memory_bytes_per_s)


@given(batch=st.integers(1, 500), context=st.integers(1, 50_000), more=st.integers(1, 1000))
def test_a_step_grows_with_batch_and_context(batch, context, more):
    model = find_model("mixtral-8x7b")
    now = decode_step(machine(2), model, batch, context).total_s
    assert decode_step(machine(2), model, batch + more, context).total_s >= now
    assert decode_step(machine(2), model, batch, context + more).total_s >= now
    prompt = prefill_step(machine(2), model, context).total_s
    assert prefill_step(machine(2), model, context + more).total_s > prompt


def test_a_grid_equals_its_scalars():
    model = find_model("mixtral-8x7b")
    batches = np.array([1.0, 7.0, 64.0])
    grid = decode_step(machine(2), model, batches, 500).total_s
    assert grid == pytest.approx([decode_step(machine(2), model, b, 500).total_s for b in batches], rel=1e-15)


def test_an_all_reduce_takes_the_fastest_protocol():
    """Hand-worked: 8 H100, small: LL latency 2·0.6·7 + 6.8 = 15.2 µs; large: ring at the full link."""
    assert all_reduce_s(H100, 8, 0) == pytest.approx(15.2e-6)
    large = 10e9
    ring_s = 2 * 7 / 8 * large / 450e9
    assert all_reduce_s(H100, 8, large) == pytest.approx(2 * 28e-6 * 7 + ring_s)
    assert all_reduce_s(H100, 1, large) == 0


@given(ranks=st.sampled_from([2, 4, 8, 16, 64]), payload=st.floats(1, 1e10))
def test_an_all_reduce_never_beats_its_wire(ranks, payload):
    assert all_reduce_s(H100, ranks, payload) > 2 * (ranks - 1) / ranks * payload / 450e9


@pytest.mark.parametrize("name", accelerator_names())
def test_every_accelerator_is_whole_and_has_a_source(name):
    gpu = find_accelerator(name)
    assert gpu.source
    assert 1e9 < gpu.memory_bytes < 1e12
    assert 1e11 < gpu.memory_bytes_per_s < 1e13
    assert 5e13 < gpu.flops_per_s("bf16") < 1e16


def test_efficiencies_are_shares():
    assert all(0 < efficiency(name) < 1 for name in ("compute", "memory_bandwidth", "usable_memory"))
