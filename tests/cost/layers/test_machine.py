from optimoe.arch.catalog import find_model
from optimoe.cost.hardware.accelerator import find_accelerator
from optimoe.cost.kernels.calls import Gemm
from optimoe.cost.kernels.gemm import gemm_s
from optimoe.cost.kernels.spread import RoutingSkew
from optimoe.cost.layers.execution import Execution
from optimoe.cost.layers.layout import Layout
from optimoe.cost.layers.machine import Machine

H100 = find_accelerator("h100-sxm")


def test_products_run_in_the_precision_of_the_weights_and_plain_ones_in_bf16():
    machine = Machine(gpu=H100, execution=Execution(precision="fp8"))
    shape = Gemm(rows=8, width=4096, depth=2048)
    for kernel, precision in (
        (machine.product(8, 4096, 2048), "fp8"),
        (machine.plain_product(8, 4096, 2048), "bf16"),
    ):
        assert machine.time(kernel) == gemm_s(H100, precision, shape)


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
