"""Deployments in words print the numbers of the estimate."""

from dataclasses import replace

import pytest

from optimoe.arch.catalog import find_model
from optimoe.core.units import format_bytes, format_seconds, format_usd
from optimoe.cost.engines.engine import find_engine
from optimoe.cost.hardware.accelerator import Cluster, find_accelerator
from optimoe.cost.hardware.price import given_price, unknown_price
from optimoe.cost.layers.layout import Layout
from optimoe.cost.serving.accuracy.evidence import evidence
from optimoe.cost.serving.cache import kv_tokens
from optimoe.cost.serving.estimate import Deployment, predict_serving
from optimoe.cost.serving.memory import gpu_memory
from optimoe.cost.serving.workload import Limits, Workload
from optimoe.cost.sizing.disaggregation import Disaggregated
from optimoe.cost.sizing.fleet import Fleet, LongestContext
from optimoe.report.words.serving_prose import (
    REMEDIES,
    bound_words,
    context_lines,
    disaggregated_lines,
    fleet_lines,
    fleet_rows,
    layout_words,
    serving_energy,
    serving_lines,
)

MIXTRAL = find_model("mixtral-8x7b")
DEPLOYMENT = Deployment(
    cluster=Cluster(accelerator=find_accelerator("h100-sxm"), num_gpus=8),
    workload=Workload(),
    price=given_price(3.0),
)
LAYOUT = Layout(tp=2, ep=2, dp=4)


def estimate(deployment=DEPLOYMENT):
    return predict_serving(MIXTRAL, deployment, layout=LAYOUT, concurrency=64.0)


def capacity():
    return kv_tokens(DEPLOYMENT.machine(LAYOUT), DEPLOYMENT.engine, MIXTRAL, 10e9, 2048)


def fleet(deployment=DEPLOYMENT, usd_per_hour=48.0, num_deployments=2):
    return Fleet(
        deployment=deployment,
        estimate=estimate(deployment),
        num_deployments=num_deployments,
        utilisation=0.5,
        usd_per_hour=usd_per_hour,
    )


def text_of(lines, label):
    (text,) = [text for name, text in lines if name == label]
    return text


def test_energy_of_tokens_is_that_of_the_gpu_hours_that_their_price_is():
    assert serving_energy(DEPLOYMENT, estimate()).kwh == pytest.approx(estimate().usd_per_mtok / 3.0 * 0.7 * 1.58)


@pytest.mark.parametrize(
    ("layout", "words"),
    [
        (Layout(), "not split"),
        (Layout(tp=4), "tp 4"),
        (Layout(tp=2, pp=2, dp=2, ep=4), "tp 2 × pp 2 × dp 2, ep 4"),
        (Layout(tp=8, sp=2), "tp 8, sp 2"),
        (Layout(resident=0.25), "not split, 25% of the experts resident"),
    ],
)
def test_a_layout_names_the_degrees_above_one(layout, words):
    assert layout_words(layout) == words


def test_an_estimate_is_said_with_its_bands():
    one = estimate()
    memory = gpu_memory(DEPLOYMENT.machine(LAYOUT), DEPLOYMENT.engine, MIXTRAL, DEPLOYMENT.workload)
    bands = evidence(MIXTRAL, DEPLOYMENT, one)
    lines = serving_lines(one, memory, capacity(), MIXTRAL, DEPLOYMENT, bands)
    assert text_of(lines, "Model") == "mixtral-8x7b on 8 × h100-sxm, tp 2 × dp 4, ep 2, 4 copies of the model"
    assert f"64 requests in flight, {one.max_batch:.0f} fit" in text_of(lines, "Batch")
    latency = text_of(lines, "Latency")
    for seconds, band in ((one.ttft_s, bands.ttft_s), (one.tpot_s, bands.tpot_s)):
        low, high = (format_seconds(end) for end in band(one))
        assert f"{format_seconds(seconds)} ({low} – {high})" in latency
    rate = text_of(lines, "Rate")
    slow, fast = bands.tokens_per_s(one)
    assert f"{one.tokens_per_s:,.0f} ({slow:,.0f} – {fast:,.0f}) output tokens/s" in rate
    assert f"{one.tokens_per_s_per_gpu:,.0f} per GPU" in rate
    cheap, dear = (format_usd(end) for end in bands.usd_per_mtok(one))
    assert f"{format_usd(one.usd_per_mtok)} ({cheap} – {dear}) per M output tokens" in rate
    assert f"weights {format_bytes(memory.weights)}" in text_of(lines, "Memory")
    assert text_of(lines, "TPOT is").endswith(f"bound by {bound_words(one.bound_by)}")
    assert text_of(lines, "Weights") == "bf16; cache bf16"


def test_without_a_price_there_is_no_amount():
    free = replace(DEPLOYMENT, price=unknown_price())
    one = estimate(free)
    memory = gpu_memory(free.machine(LAYOUT), free.engine, MIXTRAL, free.workload)
    rate = text_of(serving_lines(one, memory, capacity(), MIXTRAL, free, evidence(MIXTRAL, free, one)), "Rate")
    assert "no price" in rate
    assert "$" not in rate


def test_a_fleet_is_said_with_gpus_dollars_and_what_to_change():
    one, cheaper = fleet(), fleet(usd_per_hour=24.0, num_deployments=3)
    bands = evidence(MIXTRAL, DEPLOYMENT, one.estimate)
    lines = fleet_lines([one, cheaper], MIXTRAL, 1234.0, bands)
    assert text_of(lines, "Load") == "mixtral-8x7b: 1,234 output tokens/s"
    assert text_of(lines, "Fewest").startswith("16 × h100-sxm = 2 deployments of 8")
    assert "$48.00 an hour" in text_of(lines, "Fewest")
    assert "$24.00 an hour" in text_of(lines, "Cheapest")
    assert REMEDIES[one.estimate.bound_by] in text_of(lines, "Bound by")
    assert text_of(fleet_lines([one], MIXTRAL, 1.0, bands), "Cheapest") == "the same"
    assert "of a closed system; means" in text_of(fleet_lines([one], MIXTRAL, 1.0, bands), "TTFT, TPOT")
    strict = replace(one, deployment=replace(one.deployment, limits=Limits(ttft_s=2.0, ttft_percentile=0.95)))
    told = text_of(fleet_lines([strict], MIXTRAL, 1.0, bands), "TTFT, TPOT")
    assert told.startswith("of Poisson arrivals; TTFT p95, TPOT mean")


def test_weights_in_four_bits_are_not_told_to_take_fewer():
    one = fleet()
    four = replace(one, deployment=replace(one.deployment, engine=find_engine("vllm", precision="int4")))
    for found in (one, four):
        lines = fleet_lines([found], MIXTRAL, 1.0, evidence(MIXTRAL, DEPLOYMENT, found.estimate))
        lower = "a lower --precision" in text_of(lines, "Bound by")
        assert lower == (found is one and "--precision" in REMEDIES[found.estimate.bound_by])
    assert text_of(lines, "Weights").startswith("int4; router, embedding, head bf16 (stated)")


def test_the_price_of_a_fleet_counts_idle_gpus():
    heads, row = fleet_rows([fleet()])
    shown = dict(zip(heads, row, strict=True))
    assert shown["USD/Mtok"] == format_usd(estimate().usd_per_mtok / 0.5)
    assert (shown["GPUs"], shown["deployments"], shown["used"]) == ("16 × h100-sxm", "2 × 8", "50%")
    assert shown["TPOT"] == format_seconds(estimate().tpot_s)


def test_every_cause_of_a_token_has_a_remedy():
    causes = {name.removesuffix("_s").replace("_", " ") for name in estimate().parts}
    assert causes <= set(REMEDIES)


def test_the_longest_prompt_says_what_ends_it():
    longest = LongestContext(tokens=12_345, estimate=estimate(), bound_by="memory")
    lines = context_lines(MIXTRAL, DEPLOYMENT, longest)
    words = "12,345 tokens (12.3K) of prompt and 1,024 of answer, 13,369 in all, for 64 at once"
    assert text_of(lines, "Longest").startswith(words)
    assert text_of(lines, "Bound by") == "memory"
    searched = context_lines(MIXTRAL, DEPLOYMENT, replace(longest, bound_by="search"))
    assert text_of(searched, "Longest").startswith(f"at least {words}")
    assert text_of(searched, "Bound by") == "nothing: here the search ends"


def test_two_pools_are_compared_with_gpus_that_do_both():
    pair = Disaggregated(
        prefill_layout=Layout(tp=2), decode_layout=Layout(dp=8), prefill_gpus_per_request=0.25,
        decode_gpus_per_request=0.75, running=128.0, ttft_s=0.5, tpot_s=0.02, transfer_s=0.001,
        tokens_per_s_per_gpu=300.0, usd_per_mtok=2.5, input_tokens=1000, output_tokens=300,
    )  # fmt: skip
    lines = disaggregated_lines(pair, 200.0, MIXTRAL, DEPLOYMENT)
    assert text_of(lines, "Model").endswith("25% of the GPUs prefill")
    assert text_of(lines, "Prefill") == "tp 2, TTFT 500 ms: 8 requests/s a unit, 4,000 prompt tokens/s per GPU"
    assert text_of(lines, "Decode").startswith(
        "dp 8, 128 requests in flight, TPOT 20.0 ms: 10.7 requests/s a unit"
    )
    assert text_of(lines, "Decode").endswith("400 output tokens/s per GPU")
    assert text_of(lines, "Rate").endswith("$2.50 per M: +50% against GPUs that do both")
    never = disaggregated_lines(pair, 0.0, MIXTRAL, DEPLOYMENT)
    assert text_of(never, "Rate").endswith("GPUs that do both do not meet the limits")
