"""A program that is started has gone when the block is left, and so has all that it started."""

import signal
import subprocess
import sys
import time

import pytest

from optimoe.core.errors import InputError
from optimoe.loadtest.engines import program
from optimoe.loadtest.engines.commands import EngineCommand
from optimoe.loadtest.engines.program import started
from tests.loadtest.engines.served import alive

STUBBORN = "trap '' TERM; sleep {0}1 & echo begun; sleep {0}2; sleep {0}3"
"""A shell that does not end when it is asked to, with a child of its own."""

BLOCK = """
import sys, time
from optimoe.loadtest.engines.commands import EngineCommand
from optimoe.loadtest.engines.program import started
with started(EngineCommand(words=("sh", "-c", sys.argv[1]))):
    print("inside", flush=True)
    time.sleep(60)
"""


def shell(text):
    return EngineCommand(words=("sh", "-c", text))


def wait_for(condition):
    until = time.monotonic() + 20
    while not condition() and time.monotonic() < until:
        time.sleep(0.02)
    assert condition()


def test_what_does_not_end_when_asked_is_killed_with_all_that_it_started(monkeypatch):
    monkeypatch.setattr(program, "GRACE_S", 0.2)
    with pytest.raises(ZeroDivisionError), started(shell(STUBBORN.format("98761"))) as running:
        wait_for(lambda: len(alive("sleep 98761")) >= 2 and running.last_lines() == ("begun",))
        assert running.ended == ""
        raise ZeroDivisionError
    assert alive("98761", within_s=5) == {}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_that_ends_us_ends_the_program_first(number):
    mark = f"9877{int(number)}"
    ours = subprocess.Popen(
        [sys.executable, "-c", BLOCK, f"sleep {mark}1 & sleep {mark}2"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with ours:
        assert ours.stdout.readline() == "inside\n"
        wait_for(lambda: len(alive(f"sleep {mark}")) >= 2)
        ours.send_signal(number)
        _, said = ours.communicate(timeout=30)
    assert alive(f"sleep {mark}", within_s=5) == {}
    assert ours.returncode == (-number if number == signal.SIGINT else 128 + number), said


def test_a_program_ends_with_all_that_it_started_where_we_are_killed():
    ours = subprocess.Popen(
        [sys.executable, "-c", BLOCK, "sleep 987991 & sleep 987992"], stdout=subprocess.PIPE, text=True
    )
    with ours:
        assert ours.stdout.readline() == "inside\n"
        wait_for(lambda: len(alive("sleep 98799")) >= 2)
        ours.kill()
    assert alive("sleep 98799", within_s=5) == {}


def test_how_a_program_ended_and_its_last_words_are_known():
    with started(shell("echo; echo first; seq 99; echo last >&2; exit 3")) as running:
        wait_for(lambda: running.ended)
        assert running.ended == "ended with status 3"
        assert running.last_lines(2) == ("99", "last")
    with started(shell("kill -9 $$")) as running:
        wait_for(lambda: running.ended)
        assert running.ended == "was ended by SIGKILL"


def test_a_program_that_is_not_there_is_one_line():
    missing = EngineCommand(words=("no-such-engine",))
    words = r"no-such-engine: cannot be started \(No such file or directory\)"
    with pytest.raises(InputError, match=words), started(missing):
        pass
