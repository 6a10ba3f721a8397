import math
from dataclasses import replace

import pytest

from optimoe.cost.engines.engine import find_engine
from optimoe.cost.hardware.accelerator import find_accelerator
from optimoe.cost.layers.layout import Layout
from optimoe.cost.serving.accuracy.amounts import base
from optimoe.cost.serving.accuracy.evidence import evidence
from optimoe.cost.serving.estimate import predict_serving
from tests.cost.serving.accuracy.cases import H100, MINE, asked, of


def widths(found):
    return [getattr(getattr(found, kind), end) for kind in ("tpot", "ttft", "e2e") for end in ("down", "up")]


def wider(more, less):
    return all(a >= b for a, b in zip(widths(more), widths(less), strict=True)) and widths(more) != widths(less)


def test_where_all_was_measured_the_band_is_that_of_models_left_out():
    found = of()
    assert not found.unmeasured
    assert (found.tpot, found.ttft, found.e2e) == (base("tpot"), base("ttft"), base("e2e"))


def test_a_gpu_that_nobody_measured_has_a_wider_band_than_h100():
    mine, h100 = of(gpu=MINE), of()
    assert wider(mine, h100)
    assert math.hypot(h100.tpot.up, 0.1) < mine.tpot.up, "visibly: by a tenth in quadrature"


def test_a_file_under_a_measured_name_with_other_figures_is_not_that_gpu():
    faster = replace(H100, memory_bytes_per_s=2 * H100.memory_bytes_per_s)
    assert [side.name for side in of(gpu=faster).unmeasured] == ["accelerator"]
    assert not of(gpu=replace(H100, memory_bytes=2 * H100.memory_bytes)).unmeasured


def test_four_bits_that_no_deployment_had_widen_the_band():
    assert wider(of(precision="nvfp4"), of(precision="fp8"))
    assert "precision" in [side.name for side in of(precision="mxfp4").unmeasured]


def test_a_batch_and_a_context_beyond_the_measured_widen_the_band():
    assert wider(of(concurrency=4096, gpu=replace(H100, memory_bytes=10e12)), of(concurrency=64))
    long = of(context=1_000_000, concurrency=1)
    assert wider(long, of(concurrency=2))
    assert wider(of(context=2_000_000, concurrency=1), long)


def test_an_exchange_between_nodes_is_slower_by_a_factor_of_three_at_the_upper_end_alone():
    inside, across = of(), of(gpus=16, layout=Layout(tp=16))
    assert across.tpot.up >= math.log(3)
    assert across.tpot.down == pytest.approx(math.hypot(inside.tpot.down, 0.0), rel=0.05)
    copies = of(gpus=16, layout=Layout(tp=8, dp=2))
    assert "nodes" not in [side.name for side in copies.unmeasured], "copies of the model exchange nothing"


def test_a_mixer_that_no_deployment_had_widens_the_band():
    assert "model" in [side.name for side in of(model="jamba-v0.1", concurrency=16).unmeasured]


def test_drafts_and_engines_that_nobody_measured_widen_the_band():
    drafting = of(draft_tokens=2, acceptance=0.7)
    assert wider(drafting, of())
    arch, served, estimate = asked()
    own = replace(served, engine=replace(served.engine, name="mine"))
    assert [side.name for side in evidence(arch, own, estimate).unmeasured] == ["engine"]


def test_one_more_side_that_was_not_measured_never_narrows_the_band():
    question = {}
    before = widths(of())
    for more in (
        {"gpu": MINE},
        {"precision": "nvfp4"},
        {"draft_tokens": 2, "acceptance": 0.5},
        {"concurrency": 2048, "gpu": replace(MINE, memory_bytes=10e12)},
        {"gpus": 16, "layout": Layout(tp=16)},
    ):
        question |= more
        arch, served, estimate = asked(**question)
        found = evidence(arch, served, estimate)
        own = [math.hypot(*(getattr(side.width("tpot"), end) for side in found.sides)) for end in ("down", "up")]
        assert found.tpot.down == pytest.approx(math.hypot(base("tpot").down, own[0]))
        assert found.tpot.up == pytest.approx(math.hypot(base("tpot").up, own[1]))
        assert all(now >= then for now, then in zip(widths(found)[:2], before[:2], strict=True))
        before = widths(of())


def test_a_new_gpu_is_as_uncertain_as_what_its_step_waits_for():
    """Dense products reach much the same share of any bandwidth; how long launches take differs more."""
    arch, served, estimate = asked(gpu=MINE, model="llama-3.1-8b", gpus=1, concurrency=1)

    def all_of(cause):
        parts = dict.fromkeys(estimate.parts, 0.0) | {cause: estimate.tpot_s}
        return evidence(arch, served, replace(estimate, parts=parts)).tpot.up

    assert all_of("weight_reads_s") < all_of("launch_s")
    assert all_of("weight_reads_s") < all_of("kv_reads_s")
    assert estimate.tpot_s == pytest.approx(sum(estimate.parts.values()))


def test_the_nearest_measured_deployments_are_named():
    assert (of().nearest.gpu, of().nearest.precision, of().nearest.engine) == ("h100-sxm", "fp8", "vllm")
    b200 = of(gpu=find_accelerator("b200-sxm"), precision="nvfp4")
    assert b200.nearest.gpu == "h200-sxm"
    assert b200.asked == "b200-sxm nvfp4 vllm"


def test_rates_and_prices_have_the_band_of_a_whole_request():
    arch, served, estimate = asked()
    found = evidence(arch, served, estimate)
    slow, fast = found.tokens_per_s(estimate)
    cheap, dear = found.usd_per_mtok(estimate)
    assert slow < estimate.tokens_per_s < fast
    assert dear / estimate.usd_per_mtok == pytest.approx(estimate.tokens_per_s / slow)
    assert cheap / estimate.usd_per_mtok == pytest.approx(estimate.tokens_per_s / fast)


def test_an_engine_of_another_era_is_slower_and_its_band_wider():
    arch, served, estimate = asked()
    old = replace(served, engine=find_engine("vllm@2024", precision="fp8"))
    then = predict_serving(arch, old, layout=estimate.layout, concurrency=estimate.concurrency)
    found = evidence(arch, old, then)
    assert then.tpot_s > estimate.tpot_s
    assert [side.name for side in found.unmeasured] == ["era"]
    assert wider(found, of())
