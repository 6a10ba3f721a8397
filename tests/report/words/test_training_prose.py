"""A training run in words prints the numbers of the estimate."""

from dataclasses import replace
from functools import cache

import pytest

from optimoe.arch.catalog import find_model
from optimoe.core.units import format_bytes, format_usd
from optimoe.cost.hardware.accelerator import Cluster, find_accelerator
from optimoe.cost.hardware.price import given_price, unknown_price
from optimoe.cost.training.estimate import TrainRun
from optimoe.cost.training.layout import TrainLayout
from optimoe.cost.training.search import best_training
from optimoe.report.words.training_prose import days_words, hours_words, train_layout_words, training_lines

TOKENS = 1e12


@cache
def best():
    cluster = Cluster(accelerator=find_accelerator("h100-sxm"), num_gpus=64)
    return best_training(find_model("llama-3.1-8b"), TrainRun(cluster=cluster, price=given_price(2.0)))


def test_a_run_is_said_with_mfu_days_dollars_and_memory():
    lines = dict(training_lines(best(), TOKENS))
    low, high = best().mfu_range()
    assert lines["Model"] == "llama-3.1-8b on 64 × h100-sxm"
    assert lines["Layout"] == train_layout_words(best().layout, best().arch.num_layers)
    assert lines["Speed"].startswith(f"{best().mfu():.0%} MFU (6ND; {low:.0%} – {high:.0%})")
    hours = best().gpu_hours(TOKENS)
    words = f"in {days_words(hours, best().run)}, {hours_words(hours)}, {format_usd(best().usd(TOKENS))} "
    assert days_words(hours, best().run).startswith(f"{best().days(TOKENS):,.1f} days (")
    assert words in lines["Run"]
    assert f"{hours.low:,.0f} – {hours.high:,.0f}" in words
    assert lines["Memory"] == f"{format_bytes(float(best().memory.total))} a GPU"
    assert lines["A step is"].endswith(f"most of it {best().bound_by.replace('_', ' ')}")


def test_the_energy_of_a_run_is_that_of_its_gpu_hours():
    words = dict(training_lines(best(), TOKENS))["Energy"]
    assert words.startswith(f"{best().gpu_hours(TOKENS).value * 0.7 * 1.58:,.0f} kWh to train: ")


def test_without_a_price_there_is_no_amount():
    free = replace(best(), run=replace(best().run, price=unknown_price()))
    assert dict(training_lines(free, TOKENS))["Run"].endswith("no price known")


@pytest.mark.parametrize(
    ("layout", "words"),
    [
        (TrainLayout(), "ZeRO 1"),
        (TrainLayout(tp=2, dp=4, micro_batch=2, zero=3), "tp 2, dp 4, micro-batch 2, ZeRO 3"),
        (TrainLayout(pp=2, recompute="full"), "pp 2, ZeRO 1, full recomputation"),
        (TrainLayout(pp=2, first_layers=16, last_layers=16), "pp 2, ZeRO 1"),
        (TrainLayout(pp=2, first_layers=17, last_layers=15), "pp 2, 17 layers first and 15 last, ZeRO 1"),
        (TrainLayout(pp=4, first_layers=7, last_layers=7), "pp 4, 7 layers first and 7 last, ZeRO 1"),
    ],
)
def test_a_layout_names_what_is_unusual(layout, words):
    assert train_layout_words(layout, 32) == words
