"""Bugs that other load generators have had in what they time, one test each."""

import asyncio
import math
import socket
import time

import pytest

from optimoe.loadtest.client.clock import STAMPS, StampedSocket, run_stamped
from optimoe.loadtest.client.connection import Connection, Intake
from optimoe.loadtest.client.events import StreamedAnswer
from optimoe.loadtest.client.exchange import HttpExchange
from optimoe.loadtest.workload import ClosedLoop, OpenLoop
from tests.loadtest.ask import ask


def test_a_chunk_is_no_token(url):
    """vllm#27485: chunks counted as tokens; speculative decoding and slow readers put several into one."""
    asked = ask(url, {"chunk_tokens": 4}, tokens=16)
    for timing in asked.measured:
        assert (timing.output_tokens, timing.chunks) == (16, 4)
        assert timing.tpot_s * 15 == pytest.approx(timing.last_token_s - timing.first_token_s)
    assert asked.level.chunks_per_token == 0.25
    assert any("a chunk holds 4 tokens" in note for note in asked.level.notes)


@pytest.mark.parametrize("before", ["role", "nothing"])
def test_an_event_without_text_is_no_first_token(url, before):
    """vllm#15106: an event with a role and no text came at once and was the first token."""
    asked = ask(url, {"before": before, "first_s": 0.06}, api="chat")
    assert all(timing.ttft_s >= seen.ttft_s >= 0.06 for timing, seen in asked.pairs)
    assert all(timing.chunks == 8 and timing.empty_chunks == (before == "nothing") for timing, _ in asked.pairs)
    assert any("carry nothing" in note for note in asked.level.notes) == (before == "nothing")


def test_no_stamp_is_before_what_it_stamps(url):
    """guidellm#216: negative TTFT. Every stamp is behind the server's own, on the clock that both share."""
    asked = ask(url, {"first_s": 0.0, "gap_s": 0.0}, load=OpenLoop(rate_per_s=math.inf), requests=64)
    assert len(asked.pairs) == 64
    for timing, seen in asked.pairs:
        assert 0 < seen.ttft_s <= timing.ttft_s
        assert timing.due_s <= timing.sent_s < timing.first_byte_s <= timing.first_token_s <= timing.last_token_s


@pytest.mark.parametrize("part", ["reasoning_content", "reasoning"])
def test_what_a_model_thinks_is_part_of_its_answer(url, part):
    """guidellm#737: the events of a reasoning model were missed, and TTFT was that of the answer behind."""
    asked = ask(url, {"part": part}, api="chat")
    assert all(timing.chunks == timing.output_tokens == 8 for timing, _ in asked.pairs)
    assert asked.level.ttft.count == 8


def test_requests_that_failed_have_no_part_in_percentiles(url):
    """guidellm#444: answers of errors, which come at once, made a server look fast."""
    asked = ask(url, {"status": 500, "every": 2, "first_s": 0.05}, requests=20)
    level = asked.level
    assert (level.completed + level.failed, level.errors) == (20, {"http_500": level.failed})
    assert level.failed >= 8
    assert level.ttft.count == level.e2e.count == level.completed
    assert level.ttft.lowest >= 0.05


def test_ttft_is_never_zero(url):
    """sglang#12389: an answer in one piece had a TTFT of 0; one without a token has none at all."""
    asked = ask(url, {"chunk_tokens": 99, "first_s": 0.0})
    assert all(timing.chunks == 1 and timing.ttft_s > 0 for timing in asked.measured)
    assert asked.level.ttft.count == 8
    assert asked.level.itl.count == 0
    empty = StreamedAnswer()
    empty.add(b"", b'{"choices": [{"text": "", "finish_reason": "stop"}]}', 1.0)
    exchange = HttpExchange(b"", answer=empty, status=200, is_events=True)
    assert exchange.fault()[0] == "empty"


async def burst(selector, streams, pieces):
    """Pieces that lie ready on many streams when the client next looks, read by it."""
    intake, loop = Intake(selector), asyncio.get_running_loop()
    exchanges, ours = [], []
    for _ in range(streams):
        near, far = socket.socketpair()
        ours.append(far)
        _, connection = await loop.create_connection(lambda: Connection(intake, lambda _: None), sock=near)
        exchange = HttpExchange(b"x")
        connection.send(exchange)
        exchanges.append(exchange)
    await asyncio.sleep(0.01)
    for far in ours:
        for piece in pieces:
            far.send(piece)
    ready = time.perf_counter()
    await asyncio.wait_for(asyncio.gather(*(one.over.wait() for one in exchanges)), 20)
    for far in ours:
        far.close()
    return ready, exchanges


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
EVENT = b'data: {"choices": [{"text": "word", "finish_reason": "length"}]}\n\ndata: [DONE]\n\n'
ANSWER = HEAD + b"%x\r\n%s\r\n0\r\n\r\n" % (len(EVENT), EVENT)


def test_a_burst_over_many_streams_is_not_drawn_out_by_the_client():
    """aiperf#1424: 32 tokens of one moment were stamped over 4 ms, one after the other."""
    ready, exchanges = run_stamped(lambda selector: burst(selector, 32, [ANSWER]))
    stamps = {exchange.answer.first_s for exchange in exchanges}
    assert len(stamps) == 1
    assert stamps.pop() >= ready


def test_bytes_are_stamped_before_they_are_parsed(monkeypatch):
    """tokenomics#16: the time was taken behind the parsing; here parsing takes 4 ms a stream."""
    add = StreamedAnswer.add

    def slowly(*arguments):
        time.sleep(0.002)
        add(*arguments)

    monkeypatch.setattr(StreamedAnswer, "add", slowly)
    began = time.perf_counter()
    _, exchanges = run_stamped(lambda selector: burst(selector, 25, [ANSWER]))
    assert time.perf_counter() - began > 0.1
    assert max(one.answer.first_s for one in exchanges) - min(one.answer.first_s for one in exchanges) < 0.04


@pytest.mark.skipif(not STAMPS, reason="the kernel of this system is not asked for stamps")
def test_a_client_that_was_held_up_has_the_stamps_of_the_kernel():
    """Ours: a client that is not run for 60 ms, as on a busy machine, would find its tokens late."""
    with socket.create_server(("127.0.0.1", 0)) as listening, StampedSocket() as reading:
        reading.stamp()
        reading.connect(listening.getsockname())
        with listening.accept()[0] as writing:
            for _ in range(200):  # the kernel begins to stamp some time after it is first asked
                writing.send(b"first")
                if reading.recv(10) and not math.isnan(reading.wait_s):
                    break
                time.sleep(0.01)
            for held_s in (0.06, 0.0):
                sent_s = time.perf_counter()
                writing.send(b"token")
                time.sleep(held_s)
                assert reading.recv(10) == b"token"
                stamp = time.perf_counter() - reading.wait_s
                assert sent_s <= stamp < sent_s + 0.02
                assert reading.wait_s >= held_s * 0.9


def test_the_usage_behind_the_last_token_is_no_latency(url):
    """tokenomics#16: the event of usage, which comes later, was the end of the answer."""
    asked = ask(url, {"usage_s": 0.3}, requests=4)
    for timing, seen in asked.pairs:
        assert timing.ended_s - timing.last_token_s >= 0.25
        assert timing.e2e_s < seen.sends_s[-1] - seen.read_s + 0.2
    assert asked.level.itl.highest < 0.25


@pytest.mark.parametrize("error", ["event", "object"])
def test_an_error_within_the_stream_is_no_success(url, error):
    """tokenomics#16: an event of an error was scored as an answer."""
    asked = ask(url, {"error": error, "every": 2})
    level = asked.level
    assert level.errors == {"stream_error": level.failed}
    assert 3 <= level.failed <= 5
    assert {timing.error_text for timing in asked.measured if timing.error} == {"out of memory"}


def test_how_busy_the_client_was_is_said(url):
    """aiperf#1424: a client that was the limit itself gave its own delays for the server's."""
    level = ask(url, load=ClosedLoop(concurrency=8), requests=40).level
    assert 0 < level.client.cpu_share < 2
    assert level.client.stamped_by == ("kernel" if STAMPS else "poll")
    assert 0 <= level.client.delay_median_s <= level.client.delay_p99_s < 1
    assert 0 <= level.client.late_median_s <= level.client.late_p99_s < 1
