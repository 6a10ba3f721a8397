from dataclasses import replace

import pytest

from optimoe.arch.catalog import find_model
from optimoe.arch.memory import kv_bytes
from optimoe.core.errors import InfeasibleError
from optimoe.cost.engines.engine import find_engine
from optimoe.cost.hardware.accelerator import Cluster, find_accelerator
from optimoe.cost.hardware.price import given_price
from optimoe.cost.layers.layout import Layout
from optimoe.cost.serving.estimate import Deployment
from optimoe.cost.serving.workload import Limits, Workload
from optimoe.cost.sizing.disaggregation import disaggregate, nodes_for, transfer_s
from optimoe.cost.sizing.layouts import best_serving

MIXTRAL = find_model("mixtral-8x7b")


def deployment(input_tokens=4096, output_tokens=512, **limits):
    return Deployment(
        cluster=Cluster(accelerator=find_accelerator("h100-sxm"), num_gpus=8),
        workload=Workload(input_tokens=input_tokens, output_tokens=output_tokens),
        price=given_price(2.0),
        limits=Limits(**limits),
    )


def test_a_published_fleet_is_its_tokens_over_its_rates():
    """DeepSeek's day: 608 and 168 billion tokens at 73.7 and 14.8 thousand a second and node; 226.75 reported."""
    nodes = nodes_for(608e9, 73.7e3), nodes_for(168e9, 14.8e3)
    assert nodes == pytest.approx((95.5, 131.4), rel=1e-3)
    assert sum(nodes) == pytest.approx(226.75, rel=2e-3)


def test_pools_are_sized_so_that_both_keep_up():
    pair = disaggregate(MIXTRAL, deployment())
    gpu_s = pair.prefill_gpus_per_request + pair.decode_gpus_per_request
    assert pair.tokens_per_s_per_gpu == pytest.approx(512 / gpu_s)
    assert 0 < pair.prefill_share < 1
    gpus = pair.prefill_share, 1 - pair.prefill_share
    assert pair.decode_tokens_per_s_per_gpu * gpus[1] == pytest.approx(pair.tokens_per_s_per_gpu)
    assert pair.prefill_tokens_per_s_per_gpu * gpus[0] * 512 / 4096 == pytest.approx(pair.tokens_per_s_per_gpu)
    of_one_gpu = (
        pair.prefill_requests_per_s / pair.prefill_layout.num_gpus * gpus[0],
        pair.decode_requests_per_s / pair.decode_layout.num_gpus * gpus[1],
    )
    assert of_one_gpu[0] == pytest.approx(of_one_gpu[1])
    longer = disaggregate(MIXTRAL, deployment(input_tokens=16_384))
    assert longer.prefill_share > pair.prefill_share


def test_no_prompt_stalls_decoding():
    """Under a tight limit on TPOT a pair serves more than GPUs that do both."""
    asked = deployment(input_tokens=8192, output_tokens=256, tpot_s=0.015)
    pair = disaggregate(MIXTRAL, asked)
    assert pair.tpot_s <= 0.015
    assert pair.tokens_per_s_per_gpu > best_serving(MIXTRAL, asked).tokens_per_s_per_gpu


def test_the_cache_goes_over_the_network_of_its_gpus():
    asked, cache = deployment(), kv_bytes(MIXTRAL, 4096)
    assert transfer_s(MIXTRAL, asked, Layout(tp=2)) == pytest.approx(cache / (2 * 50e9))
    fp8 = replace(asked, engine=find_engine("vllm", kv_precision="fp8"))
    assert transfer_s(MIXTRAL, fp8, Layout(tp=2)) < transfer_s(MIXTRAL, asked, Layout(tp=2))


def test_a_limit_that_no_unit_keeps_binds():
    with pytest.raises(InfeasibleError, match="ttft: the limit binds"):
        disaggregate(MIXTRAL, deployment(ttft_s=1e-3))
    too_large = replace(deployment(), cluster=Cluster(accelerator=find_accelerator("h100-sxm"), num_gpus=1))
    with pytest.raises(InfeasibleError, match="memory"):
        disaggregate(MIXTRAL, too_large)
    with pytest.raises(InfeasibleError, match="tpot: the limit"):
        disaggregate(MIXTRAL, deployment(tpot_s=1e-5))
