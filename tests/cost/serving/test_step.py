import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimoe.arch.catalog import find_model
from optimoe.arch.count import count
from optimoe.arch.flops import decode_flops
from optimoe.arch.memory import kv_read_bytes
from optimoe.arch.parts import PEER, Attention, DenseFFN, LightningAttention, Mamba, MoE
from optimoe.arch.spec import ArchSpec, LayerGroup
from optimoe.cost.engines.engine import Engine
from optimoe.cost.engines.host import HostTimes
from optimoe.cost.layers.execution import Execution
from optimoe.cost.layers.layout import Layout
from optimoe.cost.layers.machine import Machine
from optimoe.cost.serving.step import decode_step, efficiency_sources, prefill_step
from tests.cost.cases import DEEPSEEK, FEW, GPT_OSS, H100, LLAMA, MIXTRAL, points


def machine(tp=1, precision="bf16"):
    return Machine(gpu=H100, layout=Layout(tp=tp), execution=Execution(precision=precision))


def test_decoding_one_request_reads_the_active_weights_once():
    """Llama 3.1 8B on one H100: all weights but the input embedding, at 75 to 90 % of 3.35 TB/s."""
    params = count(LLAMA).params
    read = 2 * (params.total - params.embedding - params.norms)
    step = decode_step(machine(), Engine(), LLAMA, 1, 1)
    assert 0.75 < read / 3.35e12 / step.weight_reads_s < 0.90
    assert step.kv_reads_s < 1e-4
    assert 32 * 20e-6 < step.launch_s - Engine().host.step_s < 32 * 60e-6
    assert step.all_reduce_s == 0
    assert step.compute_s < 1e-4


def test_a_large_batch_reads_every_expert_and_a_single_token_reads_k():
    single_s = decode_step(machine(), Engine(), MIXTRAL, 1, 1).expert_reads_s
    all_s = decode_step(machine(), Engine(), MIXTRAL, 20, 1).expert_reads_s
    assert single_s / all_s == pytest.approx(2 / 8, rel=0.1)
    assert 0.8 < 2 * count(MIXTRAL).params.routed_experts / 3.35e12 / all_s < 0.95


@pytest.mark.parametrize("model", [MIXTRAL, LLAMA, GPT_OSS], ids=lambda model: model.name)
@FEW
@given(points(batch=st.integers(1, 2000), context=st.integers(1, 100_000), tp=st.sampled_from([1, 2, 4, 8])))
def test_no_step_beats_the_peaks_of_the_data_sheet(model, grid):
    batch, context, tp = grid["batch"], grid["context"], grid["tp"]
    counted = count(model, context)
    step = decode_step(machine(tp), Engine(), model, batch, context)
    flops = batch * counted.decode.total
    read = 2 * (counted.params.active_nonembedding - counted.params.norms) + batch * counted.kv_bytes_per_token
    assert (step.total_s > flops / (tp * H100.flops_per_s("bf16"))).all()
    assert (step.total_s > read / (tp * H100.memory_bytes_per_s)).all()
    prompt = prefill_step(machine(tp), Engine(), model, context)
    least_s = counted.prefill.total * context * 0.9 / (tp * H100.flops_per_s("bf16"))
    assert (prompt.total_s > least_s).all()


GROWING = points(batch=st.integers(1, 500), context=st.integers(1, 50_000), more=st.integers(1, 1000))


@FEW
@given(GROWING)
def test_a_step_grows_with_batch_and_context(grid):
    batch, context, more = grid["batch"], grid["context"], grid["more"]
    now = decode_step(machine(2), Engine(), MIXTRAL, batch, context).total_s
    assert (decode_step(machine(2), Engine(), MIXTRAL, batch + more, context).total_s >= now).all()
    assert (decode_step(machine(2), Engine(), MIXTRAL, batch, context + more).total_s >= now).all()
    prompt = prefill_step(machine(2), Engine(), MIXTRAL, context).total_s
    assert (prefill_step(machine(2), Engine(), MIXTRAL, context + more).total_s > prompt).all()


LINEAR = ArchSpec(
    name="recurrent",
    vocab_size=32_000,
    d_model=4096,
    layers=tuple(
        LayerGroup(num_layers=4, mixer=mixer, ffn=ffn)
        for mixer, ffn in (
            (LightningAttention(num_heads=32, head_dim=128), DenseFFN(d_ff=14336)),
            (
                Mamba(d_inner=8192, d_state=16, d_conv=4, dt_rank=256),
                PEER(num_keys=128, num_heads=8, top_k=8, d_key=128),
            ),
            (
                Attention(num_heads=32, num_kv_heads=8, head_dim=128, window_tokens=512),
                MoE(num_experts=64, top_k=8, d_expert=1024, num_shared_experts=1, d_shared=1024, d_latent=1024),
            ),
        )
    ),
)


@pytest.mark.parametrize("arch", [DEEPSEEK, find_model("glm-5"), LINEAR], ids=lambda a: a.name)
@FEW
@given(GROWING)
def test_every_kind_of_layer_stays_above_the_data_sheet_and_grows(arch, grid):
    batch, context, more = grid["batch"], grid["context"], grid["more"]
    engine = Engine(host=HostTimes(front_s=0.0, request_s=0.0))  # a host behind a toy's step would hide its growth
    step = decode_step(machine(8), engine, arch, batch, context)
    assert (step.total_s > batch * decode_flops(arch, context).total / (8 * H100.flops_per_s("bf16"))).all()
    assert (step.total_s > batch * kv_read_bytes(arch, context) / (8 * H100.memory_bytes_per_s)).all()
    assert (decode_step(machine(8), engine, arch, batch + more, context).total_s > step.total_s).all()
    assert (decode_step(machine(8), engine, arch, batch, context + more).total_s >= step.total_s).all()
    prompt = prefill_step(machine(8), Engine(), arch, context).total_s
    assert (prefill_step(machine(8), Engine(), arch, context + more).total_s > prompt).all()


def test_a_grid_equals_its_scalars():
    batches, contexts, degrees = np.array([1.0, 7.0, 64.0]), np.array([500.0, 1.0, 90_000.0]), np.array([2, 8, 1])
    grid = decode_step(machine(2), Engine(), MIXTRAL, batches, 500).total_s
    assert grid == pytest.approx(
        [decode_step(machine(2), Engine(), MIXTRAL, b, 500).total_s for b in batches], rel=1e-15
    )
    scalars = list(zip(batches, contexts, degrees, strict=True))
    grid = decode_step(machine(degrees), Engine(), MIXTRAL, batches, contexts).total_s
    each = [decode_step(machine(int(tp)), Engine(), MIXTRAL, b, context).total_s for b, context, tp in scalars]
    assert grid == pytest.approx(each, rel=1e-15)
    prompts = prefill_step(machine(degrees), Engine(), MIXTRAL, contexts).total_s
    each = [prefill_step(machine(int(tp)), Engine(), MIXTRAL, context).total_s for _, context, tp in scalars]
    assert prompts == pytest.approx(each, rel=1e-15)


def test_layers_that_alternate_take_as_long_as_in_blocks():
    alternating = find_model("gpt-oss-20b")
    assert len(alternating.layers) > len(GPT_OSS.layers) == 2
    one, other = (decode_step(machine(2), Engine(), model, 16, 5000) for model in (alternating, GPT_OSS))
    assert one.total_s == pytest.approx(other.total_s, rel=1e-12)


def test_every_constant_says_where_it_comes_from():
    sources = efficiency_sources()
    assert all(source.source and source.value for source in sources)
    assert "kernel times" in {source.name for source in sources}
