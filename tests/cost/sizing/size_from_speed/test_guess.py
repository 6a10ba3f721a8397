import math
from dataclasses import replace

import pytest

from optimoe.arch.catalog import find_model
from optimoe.arch.params import count_params
from optimoe.core.errors import InfeasibleError, InputError
from optimoe.cost.hardware.accelerator import find_accelerator
from optimoe.cost.hardware.price import unknown_price
from optimoe.cost.published.epoch_rules import fast_decode_params
from optimoe.cost.serving.workload import Limits
from optimoe.cost.sizing.layouts import best_serving, cheapest_serving
from optimoe.cost.sizing.size_from_speed import ExpertCount, Observed, size_from_speed
from tests.cost.cases import deployment

EVERYTHING = {"precision", "margin", "utilisation", "drafts", "engine", "depth", "width"}
SPARSE = ExpertCount(num_experts=32, top_k=8)


def guessed(observed, on=None, kinds=(), stated=EVERYTHING, **options):
    return size_from_speed(observed, on or deployment(**options), kinds, stated=stated).guesses


# DeepSeek-V3 uses 8 of 256 experts; with a shared one and larger attention it is 18 times as large as what a token
# uses, as a model of the ladder is with 8 of 192.
@pytest.mark.parametrize(
    ("name", "kinds", "options", "tpot_s"),
    [
        ("llama-3.1-70b", [], {}, 0.02),
        ("llama-3.1-70b", [], {}, 0.05),
        ("mixtral-8x22b", [ExpertCount(num_experts=8, top_k=2)], {}, 0.02),
        ("deepseek-v3", [ExpertCount(num_experts=192, top_k=8)], {"gpu": "h200-sxm", "precision": "fp8"}, 0.05),
    ],
)
def test_the_size_of_a_known_model_is_found_again_from_its_speed_and_cost(name, kinds, options, tpot_s):
    """Round trip by the cost model alone: its prediction, asked back, holds the truth in the band of its error."""
    gpu = find_accelerator(options.get("gpu", "h100-sxm"))
    on = deployment(**{**options, "gpu": gpu})
    truth = count_params(find_model(name))
    sold = best_serving(find_model(name), replace(on, limits=Limits(tpot_s=tpot_s)))
    seen = Observed(tokens_per_s=1 / sold.tpot_s, usd_per_mtok=sold.usd_per_mtok)
    guess = guessed(seen, on, kinds, EVERYTHING - {"depth", "width"})[-1]
    assert guess.params_total_low < truth.total < guess.params_total_high
    assert guess.params_active_low < truth.active < guess.params_active_high
    assert guess.params_total == pytest.approx(truth.total, rel=0.3)


def test_a_margin_that_nobody_states_is_in_the_band_of_the_size():
    """A model sold at half of its price in margin and at 70 % load is found by who knows neither."""
    on = deployment()
    truth = count_params(find_model("llama-3.1-70b")).total
    sold = best_serving(find_model("llama-3.1-70b"), replace(on, limits=Limits(tpot_s=0.03)))
    price = sold.usd_per_mtok / (1 - 0.5) / 0.7
    blind = guessed(Observed(tokens_per_s=1 / sold.tpot_s, usd_per_mtok=price), on, (), {"engine", "drafts"})[0]
    assert blind.params_total_low < truth < blind.params_total
    told = Observed(tokens_per_s=1 / sold.tpot_s, usd_per_mtok=price, margin=0.5, utilisation=0.7)
    assert guessed(told, on)[0].params_total == pytest.approx(truth, rel=0.15)


def test_the_largest_model_is_served_as_observed_and_costs_what_may_be_paid():
    on = deployment()
    dense, sparse = guessed(Observed(tokens_per_s=50, usd_per_mtok=0.5), on, [SPARSE])
    for guess in (dense, sparse):
        again = cheapest_serving(guess.model, replace(on, limits=Limits(tpot_s=1 / 50)))
        assert again.tpot_s <= 1 / 50
        assert again.usd_per_mtok == pytest.approx(guess.serving.usd_per_mtok)
        assert 0.4 < again.usd_per_mtok <= 0.5
        assert count_params(guess.model).total == guess.params_total
        assert guess.bound_by == "price"
    assert dense.rule_params_total == pytest.approx(dense.params_total)
    assert fast_decode_params(sparse.rule_params_total, 32, 8) == pytest.approx(dense.params_total)


def test_a_speed_without_a_price_is_bound_by_itself_or_by_memory():
    bounds = [
        guess.bound_by
        for guess in guessed(Observed(tokens_per_s=60), kinds=[ExpertCount(num_experts=256, top_k=8)])
    ]
    assert bounds == ["speed", "memory"]


def test_a_known_number_of_requests_makes_the_speed_alone_tell_the_size():
    """At 64 in flight a model is as fast as its size lets it, so that a slower one is a larger one."""
    on, truth = deployment(), count_params(find_model("llama-3.1-70b")).total
    sold = best_serving(find_model("llama-3.1-70b"), on, concurrency=64)
    seen = Observed(tokens_per_s=1 / sold.tpot_s, concurrency=64)
    assert guessed(seen, on)[0].params_total == pytest.approx(truth, rel=0.15)
    assert guessed(replace(seen, concurrency=256), on)[0].params_total < 0.7 * truth


@pytest.mark.parametrize(
    ("observed", "gpus", "limits", "message"),
    [
        (Observed(tokens_per_s=5000), 8, Limits(), "speed: .* tokens/s of 5000: take faster or more GPUs"),
        (Observed(tokens_per_s=80, usd_per_mtok=1e-4), 8, Limits(), "price: .* per M output tokens, above"),
        (Observed(tokens_per_s=10, concurrency=1e6), 8, Limits(), "memory: .* does not fit"),
        (Observed(tokens_per_s=10), 8, Limits(ttft_s=0.001), "ttft: .* first token after"),
    ],
)
def test_where_no_model_fits_the_limit_that_binds_is_named(observed, gpus, limits, message):
    with pytest.raises(InfeasibleError, match=message):
        guessed(observed, deployment(gpus, limits))


def test_a_price_of_tokens_says_nothing_without_a_price_of_gpus():
    unpriced = replace(deployment(), price=unknown_price())
    with pytest.raises(InputError, match="gpu_usd_per_hour: must be given, no list price of h100-sxm is known"):
        guessed(Observed(usd_per_mtok=1.0), unpriced)
    assert math.isnan(guessed(Observed(tokens_per_s=50), unpriced)[0].serving.usd_per_mtok)
