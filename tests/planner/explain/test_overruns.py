"""Where a choice's own band, or the use of what serves it, leaves what was stated."""

from dataclasses import replace

import pytest

from optimoe.core.units import SECONDS_PER_DAY, format_usd
from optimoe.planner.explain.overruns import overrun_warnings
from optimoe.planner.plan import plan
from optimoe.planner.problem.training import GivenMfu
from tests.planner.asked import on, plain, problem

FEW = plain(num_experts=(1, 8), max_width=2048)


def test_training_that_passes_its_budget_within_the_band_says_by_how_much():
    asked = replace(on(64, days=4.0), space=FEW)
    result = plan(asked)
    own, budget = result.choice.training, asked.training.budget_gpu_s
    assert own.gpu_s < budget < own.gpu_s_high
    (line,) = (line for line in overrun_warnings(result) if line.startswith("training may overrun"))
    days = own.gpu_s_high / 64 / SECONDS_PER_DAY
    assert line.startswith("training may overrun its budget of 4.0 days on 64 GPUs: ")
    assert line.endswith(f"{days:,.1f} at the end of the band")
    assert line in result.warnings
    loose = replace(asked, training=replace(asked.training, budget_gpu_s=2 * own.gpu_s_high))
    kept = replace(result, problem=loose)
    assert not any(line.startswith("training") for line in overrun_warnings(kept))


def test_a_training_of_a_stated_mfu_has_no_band_to_overrun():
    given = replace(on(64, days=4.0).training, utilisation=GivenMfu(mfu=0.3))
    result = plan(replace(problem(), training=given, space=FEW))
    assert not any(line.startswith("training may") for line in result.warnings)


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
    assert not overrun_warnings(busy)
    rated = replace(busy.problem, traffic=replace(busy.problem.traffic, rated=True, lifetime_tokens=1e9))
    assert not overrun_warnings(plan(rated))
