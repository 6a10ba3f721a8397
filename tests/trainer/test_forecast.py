"""What runs take of this machine is said, and held against it, before anything is done."""

import time
from dataclasses import replace

import pytest
import torch

from optimoe.core.errors import InputError
from optimoe.core.run import DataSource
from optimoe.trainer.corpus.prepared import Preparation
from optimoe.trainer.forecast import hours, memory
from optimoe.trainer.forecast.hours import LEAST_S, forecast, hours_line, require_hours
from optimoe.trainer.forecast.memory import require_memory
from optimoe.trainer.forecast.rehearsal import rehearsed_step_s
from optimoe.trainer.parallel.ranks import Ranks
from optimoe.trainer.series import train_series
from tests.trainer.world import OWN, QUIET, make_run, write_text

CPU = Ranks(device=torch.device("cpu"))


def test_a_rehearsal_takes_the_steps_of_the_run_and_leaves_its_random_numbers():
    run = make_run(steps=3, architecture=OWN)
    torch.manual_seed(7)
    drawn = torch.rand(3)
    torch.manual_seed(7)
    began = time.perf_counter()
    with torch.random.fork_rng():
        step_s = rehearsed_step_s(run, QUIET, CPU.device, rows=1)
    assert 0 < step_s < 4 * (time.perf_counter() - began) and torch.equal(torch.rand(3), drawn)


def test_a_step_of_many_passes_is_forecast_from_one_and_two(monkeypatch):
    run = make_run(steps=2, batch_tokens=8 * 32, seq_len=32)
    clock = iter([0.4, 0.2, 0.9, 0.3, 0.8])  # one pass three times, then two until a second is over
    monkeypatch.setattr("optimoe.trainer.forecast.rehearsal._seconds", lambda call, device: next(clock))
    assert rehearsed_step_s(run, QUIET, CPU.device, rows=2) == pytest.approx(0.2 + 3 * 0.1)


def test_runs_are_rehearsed_where_they_are_long_and_one_pass_is_short(monkeypatch):
    monkeypatch.setattr(hours, "measured_peak_flops_per_s", lambda device, dtype: 1e8)
    monkeypatch.setattr(hours, "rehearsed_step_s", lambda run, how, device, rows: 0.25)
    short, long = make_run(steps=2), replace(make_run(steps=2), name="long", tokens=50_000_000)
    told = {one.name: one for one in forecast([(short, 0), (long, 0)], QUIET, CPU)}
    assert not told[short.name].rehearsed and told[short.name].seconds < LEAST_S
    assert told["long"].rehearsed and told["long"].seconds == 0.25 * long.steps
    assert hours_line(list(told.values())).startswith("2 runs: about ")
    (rest,) = forecast([(long, long.steps - 100)], QUIET, CPU)
    assert rest.seconds == 0.25 * 100
    monkeypatch.setattr(hours, "measured_peak_flops_per_s", lambda device, dtype: 1e5)
    (bound,) = forecast([(long, 0)], QUIET, CPU)
    assert not bound.rehearsed and hours_line([bound]).startswith("long: at least ")
    with pytest.raises(InputError, match=r"most_hours: must be .* or more for these runs .*, got 0.5"):
        require_hours([bound], 0.5)


def test_more_hours_than_allowed_are_refused_before_a_source_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(hours, "measured_peak_flops_per_s", lambda device, dtype: 1e3)
    with pytest.raises(InputError, match="most_hours"):
        train_series([make_run(steps=2)], tmp_path, replace(QUIET, most_hours=0.01))
    assert not list(tmp_path.iterdir())


def test_a_run_that_is_over_takes_no_hours(tmp_path, monkeypatch):
    write_text(tmp_path / "text")
    run = make_run(steps=2)
    run = replace(run, data=replace(run.data, sources=(DataSource(name=str(tmp_path / "text")),)))
    reading = Preparation(folder=tmp_path / "data", held_out_share=0.1)
    train_series([run], tmp_path / "runs", QUIET, reading)
    monkeypatch.setattr(hours, "measured_peak_flops_per_s", lambda device, dtype: 1e3)
    said: list[str] = []
    train_series([run], tmp_path / "runs", replace(QUIET, most_hours=0.01), reading, say=said.append)
    assert not [line for line in said if "evaluations" in line]


def test_a_model_that_memory_cannot_hold_is_refused_with_its_bytes(monkeypatch):
    run = make_run(steps=2)
    require_memory(run, CPU.device)
    monkeypatch.setattr(memory, "free_memory_bytes", lambda: 1000)
    with pytest.raises(InputError, match=r"must have .* of memory .*, has 1"):
        require_memory(run, CPU.device)
