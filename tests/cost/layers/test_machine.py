from dataclasses import replace

from optimoe.arch.catalog import find_model
from optimoe.arch.precision.parts import LayerPrecisions
from optimoe.cost.hardware.accelerator import find_accelerator
from optimoe.cost.kernels.calls import Gemm
from optimoe.cost.kernels.families.gemm import gemm_s
from optimoe.cost.kernels.spread import RoutingSkew
from optimoe.cost.layers.execution import Execution
from optimoe.cost.layers.layout import Layout
from optimoe.cost.layers.machine import Machine

H100 = find_accelerator("h100-sxm")


LAYER = LayerPrecisions(attention="fp8", dense_ffn="int4", activations="fp8", plain=(("attention", 0.25),))


def test_products_run_in_the_format_of_the_weights_and_of_what_enters_them():
    machine, shape = Machine(gpu=H100), Gemm(rows=8, width=4096, depth=2048)
    assert machine.time(machine.product(8, 4096, 2048)) == gemm_s(H100, "bf16", shape)
    assert machine.time(machine.product(8, 4096, 2048, "fp8")) == gemm_s(H100, "fp8", shape)
    (kernel,) = machine.products(8, 4096, 2048, LAYER, "dense_ffn")
    assert machine.time(kernel) == gemm_s(H100, "int4", replace(shape, activations="fp8"))
    (kernel,) = machine.products(8, 4096, 2048, LAYER, "router")
    assert machine.time(kernel) == gemm_s(H100, "bf16", shape)


def test_a_part_with_exceptions_runs_in_both_formats_by_their_shares():
    kernels = Machine(gpu=H100).products(8, 4096, 2048, LAYER, "attention")
    assert [(kernel.precision, kernel.share) for kernel in kernels] == [("fp8", 0.75), ("bf16", 0.25)]


def test_what_enters_the_products_of_a_part_may_be_its_own():
    layer = replace(LAYER, activations="bf16", entering=(("attention", "fp8"),))
    attention = list(Machine(gpu=H100).products(8, 8, 8, layer, "attention"))
    dense = list(Machine(gpu=H100).products(8, 8, 8, layer, "dense_ffn"))
    assert (attention[0].shape.activations, dense[0].shape.activations) == ("fp8", "bf16")


def test_a_cache_of_which_nothing_is_said_is_bf16():
    assert Machine(gpu=H100).kv_precision == "bf16"
    assert Machine(gpu=H100, execution=Execution(kv_precision="fp8")).kv_precision == "fp8"


def test_a_cache_spreads_over_its_key_value_heads_and_further_only_by_tokens():
    assert Machine(gpu=H100, layout=Layout(tp=8)).cache_shards(4) == 4
    assert Machine(gpu=H100, layout=Layout(tp=8, sp=2)).cache_shards(4) == 8
    assert Machine(gpu=H100, layout=Layout(tp=2)).cache_shards(4) == 2
    assert Machine(gpu=H100, layout=Layout(tp=8, sp=2)).head_shards(4) == 4


def test_the_experts_of_a_rank_see_the_tokens_of_all_ranks_that_share_them():
    ffn = find_model("mixtral-8x7b").layers[0].ffn
    skew = RoutingSkew(zipf=0.5)
    shared = Machine(gpu=H100, layout=Layout(dp=8, ep=8), execution=Execution(routing=skew))
    assert shared.spread(ffn, 100) == skew.spread(800, 8, 2, 8)
