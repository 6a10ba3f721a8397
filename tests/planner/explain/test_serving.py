"""The memory that shuts better designs out is named by computation, and a format's saving is told in dollars."""

import re
from dataclasses import replace
from functools import cache

import pytest

from optimoe.core.units import SECONDS_PER_DAY, format_usd, parse_quantity
from optimoe.cost.engines.engine import find_engine
from optimoe.cost.serving.workload import Limits, Workload
from optimoe.planner.explain.serving import memory_cap, plain_format, served_warnings
from optimoe.planner.plan import plan
from optimoe.planner.problem.space import Space
from optimoe.planner.search.find import look
from tests.planner.asked import plain, problem

FEW = plain(num_experts=(1, 8), max_width=2048)
SPACE = Space(num_experts=(1, 16), attention=("gqa",), num_shared_experts=(0,), max_width=8192)


@cache
def capped(num_gpus=8, flops=6e23):
    asked = problem(flops, limits=Limits(), space=SPACE)
    (one,) = asked.deployments
    return plan(replace(asked, deployments=(replace(one, cluster=replace(one.cluster, num_gpus=num_gpus)),)))


def test_a_box_that_is_too_small_is_named_with_the_one_that_would_do():
    (said,) = memory_cap(capped(), look(capped().problem))
    found = re.fullmatch(
        r"Memory decides: models of (.+) and more do not fit 8 × h100-sxm in bf16; "
        r"with (\d+), E = 16.* of (.+) would reach (.+) instead of (.+)\.",
        said,
    )
    assert found, said
    least, size, total, reached, instead = found.groups()
    assert parse_quantity(total) >= parse_quantity(least) > capped().lowest_loss.params.total * 0.95
    assert float(reached) < float(instead)
    wider = capped(int(size))
    assert wider.lowest_loss.loss.value < capped().lowest_loss.loss.value
    assert memory_cap(wider, look(wider.problem)) == ()


def test_where_memory_decides_nothing_it_is_not_named():
    small = capped(8, 1e22)
    assert memory_cap(small, look(small.problem)) == ()


def test_the_same_design_in_bf16_is_priced_beside_fewer_bits():
    asked = problem(1e22, space=SPACE)
    (one,) = asked.deployments
    eight = replace(one, engine=find_engine("vllm", precision="fp8"))
    both = plan(replace(asked, deployments=(one, eight)))
    assert both.choice.served_in == "fp8"
    (said,) = plain_format(both)
    assert re.search(r"In bf16 serving the same design costs \$.+ on \d+ × \(8 × h100-sxm\) \(\+\d+%\)", said)
    assert said.endswith("what fp8 costs in loss no law here knows.")
    assert plain_format(plan(asked)) == ()
    assert plain_format(plan(replace(asked, deployments=(eight,)))) == ()


def test_requests_beyond_what_models_are_trained_on_are_said():
    small = capped(8, 1e22)
    (one,) = small.problem.deployments
    long = replace(one, workload=Workload(input_tokens=30_000, output_tokens=1000))
    (said,) = served_warnings(replace(small, problem=replace(small.problem, deployments=(long,))))
    assert said.startswith("context: requests of 31,000 tokens are longer than training sequences of 4,096")
    assert served_warnings(small) == ()


def test_tokens_that_leave_a_deployment_idle_say_what_it_costs_alone():
    result = plan(problem(1e21, space=FEW, serve_tokens=1e9))
    (line,) = (line for line in result.warnings if line.startswith("serving is billed"))
    assert f"these cost {format_usd(8 * 2.0 * 24 * 365)}" in line
    rate = 1e9 / (365 * SECONDS_PER_DAY) / 1024
    assert f"--requests-per-s {rate:.3g} --life-days 365" in line
    used = float(result.choice.fleet.utilisation)
    assert result.choice.serve_usd / used == pytest.approx(8 * 2.0 * 24 * 365)


def test_a_rate_and_a_busy_deployment_leave_nothing_to_say():
    busy = plan(problem(1e21, space=FEW, serve_tokens=3e12))
    assert float(busy.choice.fleet.utilisation) > 0.5
    assert not served_warnings(busy)
    rated = replace(busy.problem, traffic=replace(busy.problem.traffic, rated=True, lifetime_tokens=1e9))
    assert not served_warnings(plan(rated))
