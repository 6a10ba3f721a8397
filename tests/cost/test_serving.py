from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimoe.arch.catalog import find_model
from optimoe.core.errors import ConfigError, InfeasibleError, InputError, UnknownNameError
from optimoe.cost.hardware.accelerator import Accelerator, Cluster, find_accelerator, parse_gpus
from optimoe.cost.hardware.price import given_price, list_price
from optimoe.cost.layers.layout import Layout, candidate_layouts
from optimoe.cost.layers.machine import Machine
from optimoe.cost.serving.engine import Engine, find_engine
from optimoe.cost.serving.estimate import Deployment, evaluate, predict_serving
from optimoe.cost.serving.memory import largest_batch
from optimoe.cost.serving.workload import Limits, Workload
from optimoe.cost.sizing.layouts import best_serving, cheapest_serving

H100 = find_accelerator("h100-sxm")
MIXTRAL = find_model("mixtral-8x7b")


def deployment(gpus=8, limits=None, workload=None, **changes):
    return Deployment(
        cluster=Cluster(accelerator=changes.pop("gpu", H100), num_gpus=gpus),
        workload=workload or Workload(),
        limits=limits or Limits(),
        price=given_price(2.0),
        engine=find_engine("vllm", **changes),
    )


def serve(concurrency, tp=2, gpus=2, **changes):
    layout = Layout(tp=tp, dp=gpus // tp)
    return predict_serving(MIXTRAL, deployment(gpus, **changes), layout=layout, concurrency=concurrency)


def test_mixtral_on_two_h100_is_where_calibrated_tools_put_it():
    """Two tools with measured kernels or fitted overheads answer 6.1 and 6.2 ms alone, 18 to 21 ms at 16."""
    quiet = Workload(input_tokens=1, output_tokens=4096)
    assert serve(1, workload=quiet).tpot_s == pytest.approx(6.15e-3, rel=0.2)
    assert serve(16, workload=quiet).tpot_s == pytest.approx(19.5e-3, rel=0.15)


def test_mixtral_keeps_as_many_requests_as_arithmetic_says():
    """2 × 80 GiB · 0.9 − 93.4 GB of weights − two chunks' activations, 2,048 tokens of 131,072 bytes each."""
    activations = 2 * 8192 * (4 * 4096 + 2 * (3 * 14336 / 2 + 4096)) + 4 * 32000 / 2
    fits = (2 * (85_899_345_920 * 0.9 - activations) - 2 * 46_702_792_704) // (2048 * 131_072)
    assert serve(1).max_batch == fits


def test_tpot_and_tokens_per_second_agree_with_little():
    estimate = serve(64)
    e2e_s = estimate.ttft_s + 1023 * estimate.tpot_s
    assert estimate.tokens_per_s == pytest.approx(64 * 1024 / e2e_s)
    assert estimate.usd_per_mtok == pytest.approx(2 * 2.0 / 3600 / estimate.tokens_per_s * 1e6)
    assert sum(estimate.parts.values()) == pytest.approx(estimate.tpot_s)


@given(concurrency=st.integers(1, 200), more=st.integers(1, 200))
def test_more_requests_are_slower_each(concurrency, more):
    now, then = serve(concurrency), serve(concurrency + more)
    assert then.tpot_s >= now.tpot_s
    assert then.ttft_s >= now.ttft_s


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
        largest_batch(Machine(gpu=gpu, layout=Layout(tp=tp)), Engine(), find_model(name), workload)
        for gpu in (H100, larger)
    )
    assert then >= now


def test_the_search_equals_trying_every_layout_and_batch():
    limits = Limits(tpot_s=0.03, ttft_s=2.0)
    best = best_serving(MIXTRAL, deployment(8, limits))
    rates = []
    every = candidate_layouts(8, 8, {}, routed=True)
    for tp, ep, pp, dp in zip(every.tp, every.ep, every.pp, every.dp, strict=True):
        one = Layout(tp=int(tp), ep=int(ep), pp=int(pp), dp=int(dp))
        tried = evaluate(MIXTRAL, deployment(8), layout=one, concurrency=np.arange(1.0, 4096.0) * one.dp)
        kept = (tried.concurrency <= tried.max_batch) & (tried.tpot_s <= 0.03) & (tried.ttft_s <= 2.0)
        rates.extend(tried.tokens_per_s[kept])
    assert best.tokens_per_s == pytest.approx(max(rates), rel=0.02)
    assert best.tokens_per_s <= max(rates) * (1 + 1e-12)
    assert best.tpot_s <= 0.03
    assert best.ttft_s <= 2.0
    assert best.concurrency <= best.max_batch


@given(loose=st.floats(1.0, 50.0), tpot_ms=st.floats(4.0, 60.0))
def test_a_looser_limit_never_serves_dearer(loose, tpot_ms):
    tight = cheapest_serving(MIXTRAL, deployment(8, Limits(tpot_s=tpot_ms / 1e3)))
    wide = cheapest_serving(MIXTRAL, deployment(8, Limits(tpot_s=loose * tpot_ms / 1e3)))
    assert wide.usd_per_mtok <= tight.usd_per_mtok * 1.02  # the batches tried are 2 % apart at most


def test_fixed_layout_and_concurrency_are_kept():
    estimate = best_serving(MIXTRAL, deployment(8), fixed={"tp": 4, "ep": 1, "pp": 1}, concurrency=10)
    assert (estimate.layout.tp, estimate.layout.dp, estimate.concurrency) == (4, 2, 10)


@pytest.mark.parametrize(
    ("changes", "options", "error", "words"),
    [
        ({"gpus": 1}, {}, InfeasibleError, "memory: 93.4 GB"),
        ({"gpus": 2}, {"concurrency": 5000}, InfeasibleError, "largest batch is 220"),
        ({"limits": Limits(tpot_s=1e-6)}, {}, InfeasibleError, "tpot: the limit of 1.00 µs binds"),
        ({"limits": Limits(ttft_s=1e-6)}, {}, InfeasibleError, "ttft: the limit of 1.00 µs binds"),
        ({}, {"fixed": {"tp": 3}}, ConfigError, "tp"),
        ({"gpus": 6}, {"fixed": {"tp": 6}}, ConfigError, "tp: must be a divisor of num_heads = 32"),
        ({}, {"concurrency": 0}, ConfigError, "concurrency"),
        ({"gpu": find_accelerator("a100-sxm"), "precision": "fp8"}, {}, InputError, "a100-sxm has no fp8"),
        ({"precision": "fp7"}, {}, InputError, "precision"),
        ({"kv_precision": "fp7"}, {}, UnknownNameError, "precision"),
    ],
)
def test_an_impossible_request_says_why_and_what_would_work(changes, options, error, words):
    with pytest.raises(error) as caught:
        best_serving(MIXTRAL, deployment(**changes), **options)
    assert words in str(caught.value)


def test_what_a_limit_says_would_lift_it_does():
    with pytest.raises(InfeasibleError) as caught:
        best_serving(MIXTRAL, deployment(limits=Limits(tpot_s=1e-6)))
    lifted = float(str(caught.value).split("--tpot ")[1].split()[0])
    assert best_serving(MIXTRAL, deployment(limits=Limits(tpot_s=lifted))).tpot_s <= lifted


def test_gpus_are_read_as_people_write_them():
    assert parse_gpus("8xh100-sxm") == (8, "h100-sxm")
    assert parse_gpus("h100-sxm") == (1, "h100-sxm")
    assert parse_gpus("64 x h200-sxm") == (64, "h200-sxm")
    with pytest.raises(ConfigError):
        parse_gpus("0xh100-sxm")
    with pytest.raises(UnknownNameError, match="h100-sxm"):
        find_accelerator("h100")


def test_an_accelerator_of_ones_own_is_one_file(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(
        "memory_bytes = 1e11\nmemory_bytes_per_s = 1e12\npeak_flops_per_s = { bf16 = 1e14 }\nsource = 'mine'\n"
    )
    assert find_accelerator(str(path)) == Accelerator(
        name="mine",
        memory_bytes=1e11,
        memory_bytes_per_s=1e12,
        peak_flops_per_s={"bf16": 1e14},
        source="mine",
    )


def test_a_list_price_is_the_median_of_its_providers():
    price = list_price("h100-sxm")
    assert price.low <= price.usd_per_gpu_hour <= price.high
    assert "nebius" in price.source
    with pytest.raises(InputError, match="no list price"):
        list_price("mi300x")
    with pytest.raises(ConfigError):
        given_price(-1.0)
