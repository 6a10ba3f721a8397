"""How long bytes wait for the client of ``optimoe measure``, and what it costs, at many streams.

    python benchmarks/client_delay.py                        # 500 streams of 10 tokens a second
    python benchmarks/client_delay.py --streams 2000
    python benchmarks/client_delay.py --in-step              # all at one moment, as a step of an engine

A server in a process of its own streams over loopback and writes its own time, on the clock that all processes of
the machine share, into each chunk. From there to the client's stamp is an upper bound of the stamp's delay. Beside
it stand how long bytes lay ready before the client read them, the client's share of a core, and what a chunk costs
in two HTTP parsers.
"""

import argparse
import asyncio
import json
import math
import random
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import contextmanager

import h11
import httptools
import numpy as np

from optimoe.loadtest.client.events import StreamedAnswer
from optimoe.loadtest.measure import measure
from optimoe.loadtest.workload import Endpoint, LoadPlan, OpenLoop, TokenLengths

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
MODELS = b'HTTP/1.1 200 OK\r\nContent-Length: 24\r\n\r\n{"data":[{"id": "m"}]}  '


def chunk(data: dict | str) -> bytes:
    """One event as a chunk of HTTP."""
    text = b"data: " + (data if isinstance(data, str) else json.dumps(data)).encode() + b"\n\n"
    return b"%x\r\n%s\r\n" % (len(text), text)


STAMP, PLACE = "%016.6f", b"0" * 16
TOKEN = chunk({"id": "cmpl-0", "object": "text_completion", "choices": [{"index": 0, "text": PLACE.decode()}]})
BEFORE = TOKEN.index(PLACE) - TOKEN.index(b"{")
"""Bytes of an event's JSON ahead of the server's stamp."""


def end(tokens: int) -> bytes:
    """What follows the last token."""
    usage = {"prompt_tokens": 16, "completion_tokens": tokens}
    last = chunk({"choices": [{"text": "", "finish_reason": "length"}]}) + chunk({"choices": [], "usage": usage})
    return last + chunk("[DONE]") + b"0\r\n\r\n"


class Streaming(asyncio.Protocol):
    """Answers every request with as many tokens as it asks for, one each ``gap_s``."""

    def __init__(self, gap_s: float, in_step: bool) -> None:
        self.gap_s, self.in_step, self.waiting = gap_s, in_step, b""

    def connection_made(self, transport):
        """Keep the transport, which writes."""
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer a request that is whole."""
        self.waiting += data
        if self.waiting.startswith(b"GET"):
            self.transport.write(MODELS)
            self.waiting = b""
            return
        _, blank, body = self.waiting.partition(b"\r\n\r\n")
        try:
            asked = json.loads(body) if blank else None
        except json.JSONDecodeError:
            return
        if asked is not None:
            self.waiting = b""
            self.transport.write(HEAD)
            loop, tokens = asyncio.get_running_loop(), asked["max_tokens"]
            begin = math.ceil(loop.time() / self.gap_s + 1) if self.in_step else 0
            first = begin * self.gap_s if begin else loop.time() + random.random() * self.gap_s
            loop.call_at(first, self.send, first, tokens, tokens)

    def send(self, due: float, left: int, tokens: int) -> None:
        """Send a token, and the next one later."""
        if self.transport.is_closing():
            return
        token = TOKEN.replace(PLACE, (STAMP % time.perf_counter()).encode())
        self.transport.write(token + (end(tokens) if left == 1 else b""))
        if left > 1:
            due += self.gap_s
            asyncio.get_running_loop().call_at(due, self.send, due, left - 1, tokens)


async def serve(gap_s: float, in_step: bool) -> None:
    """Serve until the end of the process."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Streaming(gap_s, in_step), "127.0.0.1", 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


@contextmanager
def kept_delays():
    """Of every token its delay: from the server's stamp in its text to the client's."""
    delays, add = [], StreamedAnswer.add

    def kept(self, kind, data, stamp):
        if data.startswith(b'{"id"'):
            delays.append(stamp - float(data[BEFORE : BEFORE + len(PLACE)]))
        add(self, kind, data, stamp)

    StreamedAnswer.add = kept
    try:
        yield delays
    finally:
        StreamedAnswer.add = add


def parsing_us(parser: str, chunks: int = 20_000) -> float:
    """Microseconds that a parser needs for a chunk that comes alone, the best of five."""
    times = []
    for _ in range(5):
        start = time.process_time()
        if parser == "httptools":
            reader = httptools.HttpResponseParser(type("Reader", (), {"on_body": lambda self, body: None})())
            reader.feed_data(HEAD)
            for _ in range(chunks):
                reader.feed_data(TOKEN)
        else:
            connection = h11.Connection(h11.CLIENT)
            connection.send(h11.Request(method="GET", target="/", headers=[("Host", "a")]))
            connection.send(h11.EndOfMessage())
            connection.receive_data(HEAD)
            connection.next_event()
            for _ in range(chunks):
                connection.receive_data(TOKEN)
                while connection.next_event() is not h11.NEED_DATA:
                    pass
        times.append(1e6 * (time.process_time() - start) / chunks)
    return min(times)


def show(name: str, p50_s: float, p99_s: float) -> None:
    """Print a delay."""
    print(f"{name:<17} p50 {1e3 * p50_s:.3f} ms, p99 {1e3 * p99_s:.3f} ms")


def main(words: Sequence[str] | None = None) -> None:
    """Print the delays, the client's share of a core, and the cost of parsing."""
    asked = argparse.ArgumentParser()
    asked.add_argument("--streams", type=int, default=500)
    asked.add_argument("--tokens", type=int, default=100)
    asked.add_argument("--tokens-per-s", type=float, default=10.0)
    asked.add_argument("--in-step", action="store_true")
    asked.add_argument("--serve", action="store_true", help="be the server")
    options = asked.parse_args(words)
    if options.serve:
        asyncio.run(serve(1 / options.tokens_per_s, options.in_step))
        return
    serving = [sys.executable, __file__, "--serve", "--tokens-per-s", str(options.tokens_per_s)]
    serving += ["--in-step"] if options.in_step else []
    plan = LoadPlan(
        levels=(OpenLoop(rate_per_s=math.inf),),
        num_requests=options.streams,
        output_lengths=TokenLengths(mean=float(options.tokens)),
        num_warmups=0,
    )
    with subprocess.Popen(serving, stdout=subprocess.PIPE, text=True) as server, kept_delays() as delays:
        try:
            found = measure(Endpoint(url=f"http://127.0.0.1:{int(server.stdout.readline())}"), plan)
        finally:
            server.kill()
    (level,) = found.levels
    rate = options.streams * options.tokens_per_s
    failed = dict(level.errors) or "none"
    how = "in step" if options.in_step else "at times of their own"
    print(
        f"{options.streams} streams of {options.tokens_per_s:g} tokens/s {how}: "
        f"{level.completed} answered, {failed} failed"
    )
    said = level.client
    show("server to stamp", *np.percentile(delays, (50, 99)))
    show(f"wait, by {said.stamped_by}", said.delay_median_s, said.delay_p99_s)
    print(f"client            {said.cpu_share:.1%} of a core, {1e6 * said.cpu_share / rate:.0f} µs a token")
    print(f"TPOT              median {1e3 * level.tpot.median:.3f} ms of {1e3 / options.tokens_per_s:.3f} ms")
    for parser in ("httptools", "h11"):
        cost = parsing_us(parser)
        print(f"{parser:<17} {cost:.1f} µs a chunk, {cost * rate / 1e6:.1%} of a core at this rate")


if __name__ == "__main__":
    main()
