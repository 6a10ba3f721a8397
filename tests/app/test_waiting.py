"""Who waits at a terminal sees what is done and how long it takes; nobody else sees anything."""

import io
import threading
from contextlib import redirect_stderr

import numpy as np
import pytest

from optimoe import Observations, fit, size_fleet
from optimoe.app import waiting
from optimoe.app.cli.measure import counted_requests
from optimoe.app.notes import heard
from optimoe.app.waiting import StageLine, stage
from optimoe.core.progress import METER, Meter, counting, metered
from optimoe.laws.catalog import find_law
from optimoe.laws.fitting import bootstrap
from optimoe.loadtest.results.timing import RequestTiming
from optimoe.loadtest.workload import ClosedLoop, LoadPlan
from optimoe.planner.confidence.robust import assess
from tests.planner.asked import small_plan

AGES = 3600.0


class Terminal(io.StringIO):
    """A screen that says when something is written on it."""

    def __init__(self, tty=True):
        super().__init__()
        self.tty, self.written = tty, threading.Event()

    def isatty(self):
        return self.tty

    def write(self, text):
        found = super().write(text)
        if "fitting" in self.getvalue():
            self.written.set()
        return found


@pytest.fixture
def screen(monkeypatch):
    """A terminal, on which what takes any time at all is shown."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setattr(waiting, "SHOWN_AFTER_S", 0.0)
    return Terminal()


def test_a_line_says_the_time_the_share_and_what_is_left():
    now = [100.0]
    with metered() as meter:
        line = StageLine("fitting 12 runs", meter, lambda: now[0]).line
        now[0] = 103.0
        assert line() == "fitting 12 runs: 3.00 s"  # nothing is counted
        with counting(8) as done:
            done(2)
            now[0] = 110.0
            assert line() == "fitting 12 runs: 10.0 s, 25%, 30.0 s left"
            done(6)
            assert line() == "fitting 12 runs: 10.0 s, 100%, 0 s left"


def test_what_takes_longer_is_shown_on_a_terminal_and_cleaned_off(screen):
    with redirect_stderr(screen), stage("fitting 12 runs"):
        assert screen.written.wait(60)
    assert "fitting 12 runs: " in screen.getvalue()
    assert screen.getvalue().endswith("\x1b[2K")  # its line is erased, and the cursor is there
    assert screen.getvalue().count("\x1b[?25h") == 1  # which is shown again


def test_no_colour_is_used_at_all(screen):
    with redirect_stderr(screen), stage("fitting 12 runs"):
        assert screen.written.wait(60)
    assert not [
        code for code in screen.getvalue().split("\x1b[") if code.partition("m")[0].replace(";", "").isdigit()
    ]


def test_what_is_quick_is_not_shown(screen, monkeypatch):
    monkeypatch.setattr(waiting, "SHOWN_AFTER_S", AGES)
    with redirect_stderr(screen), stage("fitting 12 runs"):
        pass
    assert screen.getvalue() == ""


@pytest.mark.parametrize("where", ["pipe", "dumb", "listened"])
def test_pipes_dumb_terminals_and_those_who_listen_see_nothing(where, screen, monkeypatch):
    if where == "pipe":
        screen.tty = False
    if where == "dumb":
        monkeypatch.setenv("TERM", "dumb")
    threads = threading.active_count()
    if where == "listened":
        with redirect_stderr(screen), heard(), stage("fitting 12 runs"):
            assert threading.active_count() == threads  # nothing waits to be shown
    else:
        with redirect_stderr(screen), stage("fitting 12 runs"):
            assert threading.active_count() == threads
    assert screen.getvalue() == ""


@pytest.mark.parametrize(("plan", "share"), [({"num_requests": 4}, 3 / 8), ({"duration_s": 10.0}, 0.45)])
def test_a_load_counts_its_requests_or_its_time(plan, share):
    levels = (ClosedLoop(concurrency=1), ClosedLoop(concurrency=2))
    with metered() as meter, counted_requests(LoadPlan(levels=levels, **plan)) as watch:
        for phase, sent, ended in (("ramp", 0, 1), ("measured", 1, 4), ("measured", 2, 3), ("measured", 4, 10)):
            watch(RequestTiming(index=0, phase=phase, sent_s=sent, ended_s=ended))
        assert meter.share == pytest.approx(share)


class Recorded(Meter):
    """A meter that keeps every share that it comes by."""

    def __init__(self):
        super().__init__()
        self.shares = []

    def add(self, depth, parts):
        super().add(depth, parts)
        self.shares.append(self.share)


def fitted_again():
    sizes, tokens = np.repeat([1e8, 3e8, 1e9], 4), np.tile([2e9, 6e9, 2e10, 6e10], 3)
    loss = find_law("besiroglu2024").loss(N=sizes, D=tokens)
    runs = Observations(variables={"N": sizes, "D": tokens}, loss=loss)
    bootstrap(runs, fit(runs, "chinchilla"), resamples=8)


LONG = {
    "laws fit": fitted_again,
    "cost fleet": lambda: size_fleet("mixtral-8x7b", gpu=["h100-sxm", "h200-sxm"], requests_per_s=50, tpot="40ms"),
    "plan": lambda: assess(small_plan()),
}


@pytest.mark.parametrize("command", LONG)
def test_commands_that_take_long_count_their_parts_in_rising_shares(command):
    small_plan()  # which is kept, and counts parts of its own
    meter = Recorded()
    before = METER.set(meter)
    try:
        LONG[command]()
    finally:
        METER.reset(before)
    assert meter.shares == sorted(meter.shares)
    assert meter.shares[-1] > 0.4  # of the last part, its end is not told by all
