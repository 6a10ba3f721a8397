"""The page of a deployment shows its curves and is safe."""

from dataclasses import replace
from functools import cache

import pytest

from optimoe.arch.catalog import find_model
from optimoe.cost.hardware.accelerator import Cluster, find_accelerator
from optimoe.cost.hardware.price import given_price, unknown_price
from optimoe.cost.serving.estimate import Deployment
from optimoe.cost.serving.workload import Workload
from optimoe.cost.sizing.curves import curves
from optimoe.report.pages.serving_page import (
    batch_figure,
    context_figure,
    curves_page,
    frontier_figure,
    frontier_rows,
    parts_figure,
)

HOSTILE = "<script>alert('x')</script>"


@cache
def drawn(priced=True):
    deployment = Deployment(
        cluster=Cluster(accelerator=find_accelerator("h100-sxm"), num_gpus=1),
        workload=Workload(),
        price=given_price(3.0) if priced else unknown_price(),
    )
    return curves(find_model("llama-3.1-8b"), deployment)


def test_the_frontier_is_speed_against_throughput():
    points = drawn().frontier.points
    figure = frontier_figure(drawn())
    shown = sorted((x, y) for trace in figure.data[1:] for x, y in zip(trace.x, trace.y, strict=True))
    assert shown == sorted((1 / one.tpot_s, one.tokens_per_s_per_gpu) for one in points)
    assert len(frontier_rows(points)) == len(points) + 1


def test_the_price_is_in_dollars_or_in_gpu_hours():
    assert list(context_figure(drawn()).data[0].y) == [one.usd_per_mtok for _, one in drawn().by_context]
    free = context_figure(drawn(priced=False))
    assert free.layout.yaxis.title.text == "GPU hours per million output tokens"
    hours = [1e6 / 3600 / one.tokens_per_s_per_gpu for _, one in drawn(priced=False).by_context]
    assert list(free.data[0].y) == pytest.approx(hours)
    assert all(row[6] == "–" for row in frontier_rows(drawn(priced=False).frontier.points)[1:])


def test_batches_show_price_and_tpot():
    price, tpot = batch_figure(drawn()).data
    assert list(price.x) == [one.concurrency for one in drawn().by_batch]
    assert list(tpot.y) == [1e3 * one.tpot_s for one in drawn().by_batch]


def test_causes_add_up_to_tpot_but_for_the_smallest():
    figure = parts_figure(drawn())
    for number, one in enumerate(drawn().by_batch):
        shown = sum(trace.y[number] for trace in figure.data)
        assert shown <= 1e3 * one.tpot_s * (1 + 1e-9)
        assert shown == pytest.approx(1e3 * one.tpot_s, rel=0.05)


def test_the_page_says_the_cheapest_point_first_and_escapes_names():
    page = curves_page(replace(drawn(), name=HOSTILE))
    assert HOSTILE not in page
    assert "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt; on 1 × h100-sxm" in page
    cheapest = min(one.usd_per_mtok for one in drawn().frontier.points)
    assert f'<p class="decision">Cheapest at {cheapest:.3g} USD per million output tokens' in page
