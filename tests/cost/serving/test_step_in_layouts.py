"""What a layout changes of a step: work, memory, exchange."""

from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimoe.arch.count import count
from optimoe.arch.flops import decode_flops
from optimoe.core.errors import ConfigError
from optimoe.core.grid import broadcast, take
from optimoe.cost.engines.engine import Engine
from optimoe.cost.kernels.spread import RoutingSkew
from optimoe.cost.layers.layout import Layout, candidate_layouts, divides
from optimoe.cost.serving.memory import gpu_memory, largest_batch
from optimoe.cost.serving.step import decode_kernels, decode_step, prefill_step
from optimoe.cost.serving.workload import Workload
from tests.cost.cases import DEEPSEEK, FEW, H100, LAYOUTS, LLAMA, MIXTRAL, layouts_at, machine, points

ROWS = st.integers(0, len(LAYOUTS) - 1)


@FEW
@given(points(row=ROWS, batch=st.integers(1, 1000), context=st.integers(1, 60_000)))
def test_no_layout_beats_the_data_sheet(grid):
    layout, batch, context = layouts_at(grid["row"]), grid["batch"], grid["context"]
    step = decode_step(machine(layout), Engine(), MIXTRAL, batch, context)
    gpus = layout.tp * layout.attention_ranks
    requests = np.maximum(batch / layout.pp, 1) * layout.attention_ranks
    counted = count(MIXTRAL, context)
    read = 2 * (counted.params.active_nonembedding - counted.params.norms) + requests * counted.kv_bytes_per_token
    flops = requests * decode_flops(MIXTRAL, context).total
    assert (step.total_s > flops / (gpus * H100.flops_per_s("bf16"))).all()
    assert (step.total_s > read / (gpus * H100.memory_bytes_per_s)).all()


@pytest.mark.parametrize("zipf", [0.0, 0.6])
@FEW
@given(points(row=ROWS, batch=st.integers(1, 500), context=st.integers(1, 50_000), more=st.integers(1, 500)))
def test_a_step_grows_with_batch_and_context_in_every_layout(zipf, grid):
    batch, context, more = grid["batch"], grid["context"], grid["more"]
    gpus = machine(layouts_at(grid["row"]), routing=RoutingSkew(zipf=zipf))
    now = decode_step(gpus, Engine(), MIXTRAL, batch, context).total_s
    assert (decode_step(gpus, Engine(), MIXTRAL, batch + more, context).total_s >= now * (1 - 1e-12)).all()
    assert (decode_step(gpus, Engine(), MIXTRAL, batch, context + more).total_s >= now * (1 - 1e-12)).all()
    prompt = prefill_step(gpus, Engine(), MIXTRAL, context).total_s
    assert (prefill_step(gpus, Engine(), MIXTRAL, context + more).total_s > prompt).all()


@FEW
@given(points(row=ROWS, batch=st.integers(1, 300), deeper=st.integers(1, 40)))
def test_a_larger_model_is_slower_and_heavier(grid):
    batch, group = grid["batch"], MIXTRAL.layers[0]
    larger = replace(MIXTRAL, layers=(replace(group, num_layers=32 + grid["deeper"]),))
    gpus = machine(layouts_at(grid["row"]))
    slower, faster = (decode_step(gpus, Engine(), model, batch, 1000).total_s for model in (larger, MIXTRAL))
    assert (slower > faster).all()
    slower, faster = (prefill_step(gpus, Engine(), model, 1000).total_s for model in (larger, MIXTRAL))
    assert (slower > faster).all()
    fewer, most = (largest_batch(gpus, Engine(), model, Workload()) for model in (larger, MIXTRAL))
    assert (fewer <= most).all()


def test_a_latent_cache_is_copied_over_tp_until_it_is_split_by_tokens():
    workload = Workload(input_tokens=100_000, output_tokens=1)
    copied, split = (
        gpu_memory(machine(Layout(tp=8, sp=sp)), Engine(), DEEPSEEK, workload).cache_per_request for sp in (1, 8)
    )
    assert copied == pytest.approx(8 * split)
    slow, fast = (decode_step(machine(Layout(tp=8, sp=sp)), Engine(), DEEPSEEK, 32, 100_000) for sp in (1, 8))
    assert fast.kv_reads_s < 0.5 * slow.kv_reads_s + slow.compute_s
    assert fast.all_reduce_s > slow.all_reduce_s


def test_attention_ranks_exchange_tokens_and_tensor_ranks_reduce():
    tensor = decode_step(machine(Layout(tp=8, ep=8)), Engine(), MIXTRAL, 64, 1000)
    data = decode_step(machine(Layout(dp=8, ep=8)), Engine(), MIXTRAL, 64, 1000)
    assert tensor.all_to_all_s == 0 < tensor.all_reduce_s
    assert data.all_reduce_s == 0 < data.all_to_all_s
    assert decode_step(machine(Layout(dp=8)), Engine(), MIXTRAL, 64, 1000).all_to_all_s == 0


def test_dispatch_over_nodes_is_slower_than_within_one():
    inside, across = (
        decode_step(machine(Layout(dp=ranks, ep=ranks)), Engine(), DEEPSEEK, 64, 1000).all_to_all_s
        for ranks in (8, 32)
    )
    assert across > inside > 0


@pytest.mark.parametrize("overlap", [0.25, 0.5, 1.0])
def test_overlap_hides_its_share_of_the_exchange_and_no_more(overlap):
    plain, hidden = (
        decode_step(machine(Layout(tp=2, dp=4, ep=8), overlap=share), Engine(), MIXTRAL, 256, 1000)
        for share in (0, overlap)
    )
    assert hidden.all_to_all_s == pytest.approx((1 - overlap) * plain.all_to_all_s)
    assert hidden.all_reduce_s == pytest.approx((1 - overlap) * plain.all_reduce_s)
    assert hidden.compute_s == plain.compute_s


def test_stages_send_activations_and_run_micro_batches():
    whole, staged = (decode_step(machine(Layout(pp=pp)), Engine(), LLAMA, 64, 1000) for pp in (1, 4))
    assert whole.pipeline_s == 0 < staged.pipeline_s
    assert staged.kv_reads_s == pytest.approx(decode_step(machine(), Engine(), LLAMA, 16, 1000).kv_reads_s)


def test_drafts_verify_several_tokens_for_one_read_of_the_weights():
    plain = decode_step(machine(), Engine(), LLAMA, 4, 2000)
    drafted = decode_step(machine(), Engine(draft_tokens=3, acceptance=0.7), LLAMA, 4, 2000)
    assert plain.total_s < drafted.total_s < 1.5 * plain.total_s
    assert drafted.kv_reads_s < 1.2 * plain.kv_reads_s


def test_a_step_with_drafts_takes_each_cause_of_both_together():
    """Kernels of the model on four tokens a request, and three passes of a draft of one layer, cause by cause."""
    drafts, plain = Engine(draft_tokens=3, acceptance=0.7), Engine()
    head = replace(LLAMA, layers=(replace(LLAMA.layers[-1], num_layers=1),))
    gpus = machine(Layout(tp=2))
    verified = decode_kernels(gpus, drafts, LLAMA, 4, 2000)
    draft = decode_kernels(gpus, plain, head, 4, 2000)
    whole = verified + draft.times(3)
    names = [field.name for field in fields(whole)]
    sums = {name: getattr(verified, name) + 3 * getattr(draft, name) for name in names}
    assert {name: getattr(whole, name) for name in names} == pytest.approx(sums, rel=1e-12)
    assert {name for name in names if sums[name] > 0} >= {"compute_s", "weight_reads_s", "kv_reads_s", "launch_s"}
    step = decode_step(gpus, drafts, LLAMA, 4, 2000)
    assert step.weight_reads_s == pytest.approx(drafts.decode_scale * sums["weight_reads_s"])


def test_a_cached_prefix_leaves_the_rest_of_the_attention():
    """Two chunks cost as many FLOPs of attention as one prompt; the second alone costs the larger part."""
    gpus = machine()
    whole = prefill_step(gpus, Engine(), LLAMA, 65_536).total_s
    first, second = (
        prefill_step(gpus, Engine(), LLAMA, 32_768).total_s,
        prefill_step(gpus, Engine(), LLAMA, 32_768, 32_768).total_s,
    )
    assert first + second == pytest.approx(whole, rel=0.02)
    assert second > 1.3 * first


def test_experts_on_the_host_come_over_its_link():
    step = decode_step(machine(Layout(resident=0.5)), Engine(), MIXTRAL, 64, 100)
    params = count(MIXTRAL).params
    assert step.host_reads_s == pytest.approx(2 * params.routed_experts / 2 / H100.host_bytes_per_s, rel=1e-3)
    unknown = replace(H100, host_bytes_per_s=0.0)
    with pytest.raises(ConfigError, match="host_bytes_per_s"):
        decode_step(machine(Layout(resident=0.5), unknown), Engine(), MIXTRAL, 1, 100)


def test_a_grid_of_layouts_equals_its_scalars():
    every = candidate_layouts(8, 8, {}, routed=True)
    kept = divides(MIXTRAL, every)
    grid = take(broadcast(every), kept)
    together = decode_step(machine(grid), Engine(), MIXTRAL, 32, 1000).total_s
    for i in range(len(grid.tp)):
        layout = take(grid, i)
        assert decode_step(machine(layout), Engine(), MIXTRAL, 32, 1000).total_s == pytest.approx(
            together[i], rel=1e-13
        )
