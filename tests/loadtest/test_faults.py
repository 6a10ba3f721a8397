"""Endpoints that fail: every failure is counted by its kind, and what was answered is kept."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from optimoe.core.errors import InputError
from optimoe.loadtest.measure import measure
from optimoe.loadtest.results.files import load_requests
from optimoe.loadtest.workload import ClosedLoop, Endpoint, LoadPlan, OpenLoop, TokenLengths
from tests.loadtest.ask import ask
from tests.loadtest.endpoint import ROOT, model, running, served

QUICK = {"first_s": 0.005, "gap_s": 0.002}


@pytest.mark.parametrize(
    ("script", "kind"),
    [
        ({"drop": "within"}, "closed"),
        ({"status": 429}, "http_429"),
        ({"status": 500}, "http_500"),
        ({"error": "object"}, "stream_error"),
        ({"streams": False}, "not_streamed"),
    ],
)
def test_a_failure_is_counted_by_its_kind_and_spoils_no_other_request(url, script, kind):
    asked = ask(url, QUICK | script | {"every": 4}, requests=16, load=ClosedLoop(concurrency=4))
    level = asked.level
    assert level.errors == {kind: level.failed}
    assert 2 <= level.failed <= 6
    assert level.completed + level.failed == 16
    assert level.total_output_tokens == 8 * level.completed
    assert all(one.error_text for one in asked.measured if one.error)


def test_what_came_before_a_connection_broke_is_kept_with_the_failed_request(url):
    asked = ask(url, QUICK | {"drop": "within", "every": 2})
    broken = [one for one in asked.measured if one.error]
    assert all(one.chunks == 2 and len(one.gaps_s) == 1 and one.ttft_s > 0 for one in broken)


def test_a_kept_connection_that_was_closed_is_opened_again_and_counted(url):
    """llama.cpp closes idle connections: before the first byte of an answer the request is sent again."""
    asked = ask(url, QUICK | {"close_idle": True}, requests=12, load=ClosedLoop(concurrency=1))
    assert (asked.level.completed, asked.level.failed) == (12, 0)
    assert len(served(url, asked.found.server.model)) >= 13
    assert asked.level.reconnects == sum(one.reconnects for one in asked.timings)


def test_a_fresh_connection_that_is_closed_is_no_reconnect_but_a_failure(url):
    """Each is closed before the first byte: the first finds what the short requests have left open."""
    asked = ask(url, QUICK | {"drop": "before"}, requests=3, load=ClosedLoop(concurrency=1))
    assert asked.level.errors == {"closed": 3}
    first, *others = sorted(asked.timings, key=lambda one: one.index)
    assert first.reconnects >= 1
    assert {one.reconnects for one in others} == {0}


def test_a_request_that_takes_too_long_has_failed(url):
    asked = ask(url, {"first_s": 0.005, "gap_s": 0.2}, requests=2, timeout_s=0.3)
    assert asked.level.errors == {"timeout": 2}
    assert all(one.chunks == 2 for one in asked.measured)


def test_a_server_without_usage_has_its_chunks_counted_and_that_is_said(url):
    asked = ask(url, QUICK | {"usage": None, "chunk_tokens": 2})
    assert asked.level.token_source == "chunks"
    assert all((one.output_tokens, one.usage_tokens) == (4, 0) for one in asked.measured)
    assert any("8 of 8 answers came without usage" in note for note in asked.level.notes)


def test_usage_that_the_chunks_contradict_is_not_taken(url):
    asked = ask(url, QUICK | {"usage": 3})
    assert all(
        (one.output_tokens, one.usage_tokens, one.token_source) == (8, 3, "chunks") for one in asked.measured
    )
    assert any("8 of 8 answers came in more chunks than the server counted" in note for note in asked.level.notes)


def test_answers_that_are_longer_or_shorter_than_asked_are_said(url):
    assert any("longer than asked" in note for note in ask(url, QUICK | {"usage": 20}).level.notes)
    assert any(
        "answers had 5 tokens in place of 8" in note for note in ask(url, QUICK | {"own_length": 5}).level.notes
    )


def test_an_answer_without_end_mark_is_one_where_it_has_a_finish_reason(url):
    assert ask(url, QUICK | {"done": False}).level.completed == 8
    assert ask(url, QUICK | {"finish": False}).level.completed == 8
    assert ask(url, QUICK | {"done": False, "finish": False}).level.errors == {"unfinished": 8}
    assert ask(url, QUICK | {"length_head": True}).level.completed == 8


@pytest.mark.parametrize("refused", [("ignore_eos",), ("stream_options",), ("ignore_eos", "stream_options")])
def test_options_that_a_server_does_not_know_are_left_out(url, refused):
    asked = ask(url, QUICK | {"refuses": refused})
    assert asked.level.completed == 8
    assert not any(set(refused) & set(seen.body) for _, seen in asked.pairs)
    server = asked.found.server
    assert (server.ignores_eos, server.tells_usage) == (
        "ignore_eos" not in refused,
        "stream_options" not in refused,
    )


@pytest.mark.parametrize("load", [ClosedLoop(concurrency=3), OpenLoop(rate_per_s=200.0)])
def test_an_endpoint_that_dies_leaves_what_it_answered(tmp_path, load):
    plan = LoadPlan(levels=(load, load), output_lengths=TokenLengths(mean=4.0), num_requests=1000, num_warmups=0)
    answered, log = [], tmp_path / "log.jsonl"
    with running() as (address, process):

        def watch(timing):
            answered.append(timing)
            if len(answered) == 30:
                process.kill()

        found = measure(Endpoint(url=address, model=model(**QUICK)), plan, log=log, watch=watch)
    (level,) = found.levels
    assert 20 <= level.completed < 60
    assert level.ttft.count == level.completed
    assert level.failed >= 10
    assert set(level.errors) <= {"closed", "refused", "unreachable"}
    assert level.notes[0].startswith("the endpoint went away")
    assert sum(one.is_good for one in load_requests(log).timings) >= 30


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("http://127.0.0.1:1", "cannot be reached (refused: nothing listens at the address)"),
        ("http://127.0.0.1:port", "url: "),
        ("http://", "url: must be like http://127.0.0.1:8000"),
        ("127.0.0.1:8000", "url: must be an address http:// or https://"),
    ],
)
def test_an_endpoint_that_cannot_be_is_one_line(address, words):
    with pytest.raises(InputError) as caught:
        measure(Endpoint(url=address), LoadPlan())
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_server_that_lists_no_model_is_one_line_with_its_reason(url):
    with pytest.raises(
        InputError, match=r"served_model: must be stated, as .* lists none \(http_404: no such path\)"
    ):
        measure(Endpoint(url=f"{url}/elsewhere"), LoadPlan())


def test_an_endpoint_that_fails_from_the_first_request_is_one_line(url):
    with pytest.raises(InputError, match=r"a short request to /v1/completions failed \(http_400: unknown model\)"):
        measure(Endpoint(url=url, model="nobody"), LoadPlan())


def test_a_key_that_is_not_set_is_said_and_one_that_is_set_is_sent(url, monkeypatch):
    with pytest.raises(InputError, match="key_variable: NO_SUCH_KEY is not set"):
        measure(Endpoint(url=url, key_variable="NO_SUCH_KEY"), LoadPlan())
    monkeypatch.setenv("SCRIPTED_KEY", "secret")
    with pytest.raises(InputError, match="http_401: wrong key"):
        measure(Endpoint(url=url, model="key:other", key_variable="SCRIPTED_KEY"), LoadPlan())
    plan = LoadPlan(output_lengths=TokenLengths(mean=4.0), num_requests=2, num_warmups=0)
    found = measure(Endpoint(url=url, model="key:secret", key_variable="SCRIPTED_KEY"), plan)
    assert found.levels[0].completed == 2


def command(url, *words):
    """``optimoe measure`` of an endpoint that would take minutes, in a process of its own."""
    script = "from optimoe.app.main import main; main()"
    name = model(first_s=0.01, gap_s=0.002)
    line = [
        "measure",
        url,
        "--served-model",
        name,
        "--concurrency",
        "2",
        "--requests",
        "100K",
        "--output-tokens",
        "4",
    ]
    return subprocess.Popen(
        [sys.executable, "-c", script, *line, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )


def wait_for_lines(path, process, least):
    """Wait until a file has so many lines."""
    for _ in range(600):
        if path.exists() and path.read_bytes().count(b"\n") >= least:
            return
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.05)
    pytest.fail(f"{path} has not {least} lines after 30 s")


def test_an_interrupt_ends_a_measurement_with_what_is_finished(url, tmp_path):
    log, results = tmp_path / "log.jsonl", tmp_path / "results.json"
    with command(url, "--log", str(log), "--results", str(results), "--json") as process:
        wait_for_lines(log, process, 20)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (130, "")
    printed = json.loads(out)
    (level,) = printed["levels"]
    assert printed["interrupted"]
    assert level["completed"] >= 15
    assert level["failed"] == 0
    assert any(note.startswith("interrupted") for note in level["notes"])
    assert json.loads(results.read_text())["completed"] == level["completed"]
    assert sum(one.is_good for one in load_requests(log).timings) >= level["completed"]


def test_an_interrupt_while_a_level_warms_up_leaves_the_levels_before(url):
    answered = []

    def watch(timing):
        answered.append(timing)
        if timing.level == 1:
            signal.raise_signal(signal.SIGINT)

    plan = LoadPlan(
        levels=(ClosedLoop(concurrency=1),) * 2,
        output_lengths=TokenLengths(mean=4.0),
        num_requests=3,
        num_warmups=2,
    )
    found = measure(Endpoint(url=url, model=model(**QUICK)), plan, watch=watch)
    assert found.interrupted
    assert [level.completed for level in found.levels] == [3]
    assert answered[-1].phase == "warmup"


def test_a_kill_leaves_the_requests_that_were_finished(url, tmp_path):
    log = tmp_path / "log.jsonl"
    with command(url, "--log", str(log)) as process:
        wait_for_lines(log, process, 20)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate(timeout=30)
    assert process.returncode == -signal.SIGKILL
    found = load_requests(log)
    assert len(found.timings) >= 20
    assert all(one.is_good and one.output_tokens == 4 for one in found.timings)
