"""Conversations whose turns repeat what was said, prompts that begin alike, and the times of a trace."""

from itertools import pairwise

import pytest

from optimoe.loadtest.workload import ClosedLoop, OpenLoop
from tests.loadtest.ask import ask
from tests.loadtest.endpoint import prompt_of, served

QUICK = {"first_s": 0.005, "gap_s": 0.002}


@pytest.mark.parametrize("load", [ClosedLoop(concurrency=1), OpenLoop(rate_per_s=20.0)])
def test_a_turn_repeats_what_was_asked_and_answered_before(url, load):
    asked = ask(url, QUICK, load=load, requests=9, num_turns=3, tokens=4)
    seen = [prompt_of(one.body) for one in served(url, asked.found.server.model)]
    for timing in asked.timings:
        assert 0 <= timing.turn <= 2
    first = [prompt for prompt in seen if "word word" not in prompt]
    for begin in first[:2]:
        turns = sorted((prompt for prompt in seen if prompt.startswith(begin)), key=len)
        assert [prompt.count("word word word word") for prompt in turns] == list(range(len(turns)))
        assert len(turns) == 3
        assert all(late.startswith(early) for early, late in pairwise(turns))
    done = [one for one in asked.timings if one.is_good]
    assert all(one.input_tokens == one.aimed_input_tokens == 12 + 16 * one.turn for one in done)


def test_a_chat_has_its_turns_as_messages(url):
    asked = ask(url, QUICK, api="chat", load=ClosedLoop(concurrency=1), requests=4, num_turns=2)
    messages = [one.body["messages"] for one in served(url, asked.found.server.model)]
    roles = {tuple(message["role"] for message in spoken) for spoken in messages}
    assert roles == {("user",), ("user", "assistant", "user")}
    answers = {spoken[1]["content"].strip() for spoken in messages if len(spoken) == 3}
    assert answers == {" ".join(["word"] * 8)}


@pytest.mark.parametrize("prompts", [{}, {"prompts": "ids", "vocab_size": 90}])
def test_prompts_that_share_a_prefix_begin_alike_and_end_otherwise(url, prompts):
    asked = ask(url, QUICK, requests=6, shared_tokens=20, **prompts)
    seen = [prompt_of(one.body) for one in served(url, asked.found.server.model)]
    words = [prompt.split() if isinstance(prompt, str) else prompt for prompt in seen]
    assert len({tuple(one[:20]) for one in words}) == 1
    assert len({tuple(one[20:24]) for one in words}) == len(words)
    assert {len(one) for one in words} == {32}


def test_what_the_server_had_in_its_cache_is_said(url):
    assert any("50% of the prompts' tokens" in note for note in ask(url, QUICK | {"cached": 6}).level.notes)
    assert not any("cache" in note for note in ask(url, QUICK).level.notes)


def test_a_trace_is_sent_at_its_times_and_measured_whole(url):
    times = (0.0, 0.05, 0.05, 0.3, 0.32)
    asked = ask(url, QUICK, load=OpenLoop(rate_per_s=15.0, times_s=times), requests=5)
    sent = sorted(one.due_s for one in asked.measured)
    assert [one - sent[0] for one in sent] == pytest.approx(times, abs=1e-6)
    assert [one.phase for one in asked.timings] == ["measured"] * 5
    assert (asked.level.completed, asked.level.steadiness) == (5, "unjudged")
