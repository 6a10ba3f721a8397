"""The GPUs that may serve a plan, and the traffic in words of the command line."""

import pytest

from optimoe.core.errors import ConfigError, InputError, UnknownNameError
from optimoe.inputs.groups.engine import EngineChoice
from optimoe.inputs.groups.hardware import PlanPrices
from optimoe.inputs.groups.serving import TrafficChoice
from optimoe.inputs.groups.training import TrainingChoice
from optimoe.inputs.plan import PlanRequest

DOUBLINGS = [1, 2, 4, 8, 16, 32, 64]


def boxes(stated="", training="h100-sxm", **prices):
    found = TrafficChoice(serve_gpus=stated).clusters(training, PlanPrices(**prices))
    return [(cluster.num_gpus, cluster.accelerator.name) for cluster in found]


def ways(stated="", training=None, **engine):
    request = PlanRequest(
        training=TrainingChoice(train_flops=1e21, train_gpus=training),
        traffic=TrafficChoice(serve_gpus=stated, serve_tokens=1e9),
        engine=EngineChoice(**engine),
    )
    return [
        (one.cluster.num_gpus, one.cluster.accelerator.name, one.engine.execution.precision)
        for one in request.problem().deployments
    ]


def test_left_out_the_kind_that_trains_serves_in_every_size():
    assert boxes() == [(size, "h100-sxm") for size in DOUBLINGS]
    assert boxes(training="a100-sxm") == [(size, "a100-sxm") for size in DOUBLINGS]


def test_a_number_is_kept_and_a_kind_alone_is_searched():
    assert boxes("8xh100-sxm") == [(8, "h100-sxm")]
    assert boxes("h200-sxm,3xh100-sxm") == [*((size, "h200-sxm") for size in DOUBLINGS), (3, "h100-sxm")]
    assert boxes("8xh100-sxm,h100-sxm") == [
        (8, "h100-sxm"),
        *((size, "h100-sxm") for size in DOUBLINGS if size != 8),
    ]


def test_without_a_known_network_a_deployment_ends_at_the_node():
    sizes = [size for size, _ in boxes("rtx-4090", serve_usd_per_hour=1.0)]
    assert max(sizes) < 64


def test_any_is_every_kind_with_a_price_and_needs_prices_of_their_own():
    kinds = {name for _, name in boxes("any")}
    assert {"h100-sxm", "h200-sxm", "b200-sxm"} <= kinds
    with pytest.raises(InputError, match="must name its kinds where one price is stated for all"):
        boxes("any", serve_usd_per_hour=2.0)
    with pytest.raises(UnknownNameError):
        boxes("h1000")


def test_formats_are_those_that_the_gpu_multiplies_in_and_a_stated_one_is_kept():
    assert ways("8xh100-sxm") == [(8, "h100-sxm", "auto"), (8, "h100-sxm", "fp8")]
    assert [way[2] for way in ways("8xa100-sxm")] == ["auto"]
    assert [way[2] for way in ways("8xb200-sxm")] == ["auto", "fp8", "nvfp4"]
    assert [way[2] for way in ways("8xh100-sxm", precision="fp8")] == ["fp8"]
    assert [way[2] for way in ways("8xh100-sxm", expert_precision="int4")] == ["auto"]


def test_plain_formats_stand_before_all_others():
    formats = [way[2] for way in ways("h100-sxm")]
    assert formats == ["auto"] * 7 + ["fp8"] * 7
    assert {way[1] for way in ways(training="64xa100-sxm")} == {"a100-sxm"}


def test_a_rate_and_tokens_state_one_thing_and_each_has_words_of_its_own():
    rated = TrafficChoice(requests_per_s=2.0, life_days=10.0, peak_to_mean=3.0).traffic(100)
    assert (rated.lifetime_tokens, rated.rated, rated.peak_tokens_per_s) == (2 * 100 * 864_000, True, 600)
    plain = TrafficChoice(serve_tokens=1e9, utilisation=0.5, life_days=10.0).traffic(100)
    assert (plain.rated, plain.utilisation, plain.life_s) == (False, 0.5, 864_000)
    for stated, words in [
        ({"requests_per_s": 1.0, "serve_tokens": 1e9}, "--serve-tokens: must be left out"),
        ({"serve_tokens": 1e9, "peak_to_mean": 2.0}, "--peak-to-mean: must be left out"),
        ({"requests_per_s": 1.0, "utilisation": 0.5}, "--utilisation: must be left out"),
    ]:
        with pytest.raises(InputError, match=words):
            TrafficChoice(**stated).traffic(100)
    with pytest.raises(ConfigError, match="life_days"):
        TrafficChoice(serve_tokens=1e9, life_days=0.0).traffic(100)
