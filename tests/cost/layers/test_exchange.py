import numpy as np
import pytest

from optimoe.arch.catalog import find_model
from optimoe.arch.quantize import with_precision
from optimoe.cost.hardware.accelerator import find_accelerator
from optimoe.cost.kernels.calls import AllReduce
from optimoe.cost.kernels.families.collectives import all_reduce_s, collective_s
from optimoe.cost.layers.exchange import all_to_all_s, pipeline_s, tensor_parallel_s
from optimoe.cost.layers.layout import Layout
from optimoe.cost.layers.machine import Machine

H100, MIXTRAL = find_accelerator("h100-sxm"), find_model("mixtral-8x7b")
TOKENS = 64
PAYLOAD = TOKENS * 2 * MIXTRAL.d_model


def machine(gpu=H100, **degrees):
    return Machine(gpu=gpu, layout=Layout(**degrees))


def test_tensor_parallel_ranks_reduce_twice_a_layer_and_once_where_experts_are_dispatched():
    one_s = all_reduce_s(H100, AllReduce(ranks=2, payload_bytes=PAYLOAD)).total_s
    assert tensor_parallel_s(machine(tp=2), MIXTRAL, TOKENS) == pytest.approx(2 * 32 * one_s)
    assert tensor_parallel_s(machine(tp=2, dp=4, ep=8), MIXTRAL, TOKENS) == pytest.approx(32 * one_s)
    assert tensor_parallel_s(machine(), MIXTRAL, TOKENS) == 0


def test_a_cache_split_by_tokens_scatters_the_outputs_of_attention():
    scatter_s = collective_s(H100, "reduce_scatter", 2, PAYLOAD)
    whole_s, split_s = (tensor_parallel_s(machine(tp=4, sp=sp), MIXTRAL, TOKENS) for sp in (1, 2))
    assert split_s - whole_s == pytest.approx(32 * scatter_s)


def dispatched_s(gpu, precision, **parts):
    large = 1e6  # tokens, where bytes count and not launches
    return all_to_all_s(machine(gpu, dp=8, ep=8), with_precision(MIXTRAL, precision, **parts), large)


def test_tokens_are_dispatched_only_where_attention_ranks_share_experts():
    assert all_to_all_s(machine(tp=8, ep=8), MIXTRAL, TOKENS) == 0
    assert all_to_all_s(machine(dp=8), MIXTRAL, TOKENS) == 0


def test_tokens_travel_in_the_format_in_which_they_enter_the_experts():
    b200 = find_accelerator("b200-sxm")
    whole_s, eight_s, four_s = (dispatched_s(b200, precision) for precision in ("bf16", "fp8", "nvfp4"))
    assert four_s < eight_s < whole_s
    assert dispatched_s(b200, "int4") == whole_s  # weight-only
    assert dispatched_s(b200, "mxfp4", activations="fp8") == eight_s
    assert dispatched_s(H100, "nvfp4") == dispatched_s(H100, "bf16")  # a GPU without that peak unpacks weights
    assert dispatched_s(H100, "fp8", experts="bf16", activations="fp8") == dispatched_s(H100, "bf16")


def test_stages_send_activations_between_them_over_the_network_where_they_span_nodes():
    alone_s, near_s, far_s = (
        pipeline_s(machine(tp=tp, pp=pp), MIXTRAL, TOKENS) for tp, pp in ((4, 1), (4, 2), (4, 4))
    )
    assert alone_s == 0 < near_s
    assert far_s > 3 * near_s


@pytest.mark.parametrize("seconds", [tensor_parallel_s, all_to_all_s])
def test_a_grid_of_layouts_exchanges_as_each_of_them_does(seconds):
    degrees = [(1, 8, 8), (2, 4, 8), (4, 2, 4)]
    tp, dp, ep = np.array(degrees).T
    alone = [
        float(seconds(machine(tp=one, dp=other, ep=experts), MIXTRAL, TOKENS)) for one, other, experts in degrees
    ]
    assert seconds(machine(tp=tp, dp=dp, ep=ep), MIXTRAL, TOKENS) == pytest.approx(alone)
