"""The parts of a level: what is sent when, and what is measured."""

import math

import pytest

from optimoe.loadtest.workload import ClosedLoop, OpenLoop, TokenLengths
from tests.loadtest.ask import ask
from tests.loadtest.endpoint import served

QUICK = {"first_s": 0.01, "gap_s": 0.002}


def in_order(asked):
    return sorted(asked.timings, key=lambda one: one.index)


def test_a_closed_loop_has_as_many_in_flight_as_stated_and_never_more(url):
    for _ in range(4):  # on a machine that is busy with others the client may be late to send
        asked = ask(url, {"first_s": 0.06, "gap_s": 0.004}, load=ClosedLoop(concurrency=5), requests=20)
        seen = served(url, asked.found.server.model)
        assert max(one.others for one in seen) == 4
        lives = [(one.read_s, one.sends_s[-1]) for one in seen if one.sends_s]
        halves = [(one.read_s + one.sends_s[-1]) / 2 for _, one in asked.pairs]
        at_once = [sum(begin <= half <= end for begin, end in lives) for half in halves]
        if sorted(at_once)[len(at_once) // 2] == 5:
            return
    pytest.fail(f"half way most requests had fewer than 4 beside them: {at_once}")


def test_the_filling_and_what_keeps_the_load_up_are_not_measured(url):
    asked = ask(url, QUICK, load=ClosedLoop(concurrency=5), requests=30)
    phases = [one.phase for one in in_order(asked)]
    assert phases[:35] == ["ramp"] * 5 + ["measured"] * 30
    assert set(phases[35:]) == {"drain"}
    last = max(one.ended_s for one in asked.measured)
    assert all(one.phase == "drain" for one in asked.timings if one.ended_s > last)
    assert any(one.error == "cancelled" for one in asked.timings)
    assert (asked.level.completed, asked.level.failed, asked.level.num_before) == (30, 0, 5)


def test_measured_requests_run_on_a_full_server_to_their_end(url):
    """The last ones are answered beside others that are still being sent."""
    lengths = TokenLengths(kind="listed", listed=(4, 4, 4, 40))
    asked = ask(url, QUICK, load=ClosedLoop(concurrency=4), requests=12, output_lengths=lengths)
    seen = served(url, asked.found.server.model)
    last = max(true.sends_s[-1] for _, true in asked.pairs)
    assert sum(one.read_s > last - 0.05 for one in seen) >= 2


def test_warm_up_comes_first_and_is_in_no_figure(url):
    asked = ask(url, QUICK, load=ClosedLoop(concurrency=2), requests=6, num_warmups=4)
    first = in_order(asked)[:4]
    assert {one.phase for one in first} == {"warmup"}
    assert max(one.ended_s for one in first) <= min(one.sent_s for one in asked.timings if one.phase != "warmup")
    assert asked.level.ttft.count == 6


def test_an_open_loop_sends_at_its_times_whether_answers_come_or_not(url):
    slow = {"first_s": 0.3, "gap_s": 0.001}
    asked = ask(url, slow, load=OpenLoop(rate_per_s=100.0), requests=30)
    assert max(one.others for one in served(url, asked.found.server.model)) > 15
    assert all(one.sent_s >= one.due_s for one in asked.timings)
    assert asked.level.client.late_median_s < 0.1
    assert asked.level.completed == 30


def test_a_load_all_at_once_is_measured_whole(url):
    asked = ask(url, QUICK, load=OpenLoop(rate_per_s=math.inf), requests=20)
    assert [one.phase for one in asked.timings] == ["measured"] * 20
    assert max(one.others for one in served(url, asked.found.server.model)) >= 10


def test_goodput_counts_what_keeps_the_limits(url):
    asked = ask(url, {"first_s": 0.02, "gap_s": 0.004, "jitter_s": 0.01}, requests=20, tpot_s=0.009)
    within = sum(one.tpot_s <= 0.009 for one in asked.measured)
    assert 0 < within < 20
    assert asked.level.within_limits == pytest.approx(within / 20)
    assert asked.level.request_goodput < asked.level.request_throughput
