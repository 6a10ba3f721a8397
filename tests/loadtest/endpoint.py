"""A scripted endpoint with known delays, in a process of its own: what it does stands in the name of the model.

It keeps the time at which it read each request and gave each event to the kernel, on the clock that every process
of the machine shares, so that a client is compared with what was sent, and not with what was meant to be.
"""

import asyncio
import contextlib
import functools
import json
import os
import random
import signal
import ssl
import subprocess
import sys
import time
import urllib.request
from dataclasses import asdict, dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, kw_only=True)
class Script:
    """How a request is answered; ``every`` says to which requests a fault happens: each n-th, or all."""

    first_s: float = 0.02
    gap_s: float = 0.005
    jitter_s: float = 0.0
    chunk_tokens: int = 1
    before: str = ""  # "role" or "nothing": an event ahead of the first token
    before_s: float = 0.0
    part: str = "content"  # of a chat's delta
    usage: int | None = -1  # completion tokens it claims; −1 for the truth, None for no usage
    usage_s: float = 0.0  # wait before the usage chunk
    finish: bool = True
    done: bool = True
    error: str = ""  # "event" or "object", behind the second chunk
    status: int = 200
    drop: str = ""  # "before" or "within": the connection is closed
    every: int = 1
    after: int = 0  # faults begin behind so many requests
    close_idle: bool = False  # the connection is closed behind each answer, without a word
    length_head: bool = False  # the body ends with the connection
    streams: bool = True
    refuses: tuple[str, ...] = ()  # options that it does not know
    tokens_per_word: float = 1.0
    cached: int = 0  # prompt tokens that it claims to have in a cache
    own_length: int = 0  # tokens of every answer, whatever is asked
    number: int = 0  # tells models apart


def model(**script):
    """A name of a model that is answered so."""
    return "scripted:" + json.dumps(script)


@dataclass
class Served:
    """One request as the endpoint saw it, with others in flight."""

    read_s: float
    body: dict
    others: int = 0
    sends_s: list = field(default_factory=list)

    @property
    def ttft_s(self):
        return self.sends_s[0] - self.read_s

    @property
    def tpot_s(self):
        return (self.sends_s[-1] - self.sends_s[0]) / (self.body["max_tokens"] - 1)


class Server:
    def __init__(self):
        self.served, self.seen, self.now = [], {}, 0

    async def serve(self, reader, writer):
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while await self.answer(reader, writer):
                pass
        writer.close()

    async def answer(self, reader, writer):
        """Answer one request; whether the connection goes on."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        read_s = time.perf_counter()
        method, path, _ = head.split(" ", 2)
        length = next(
            (int(line.split(":")[1]) for line in head.split("\r\n") if line.lower().startswith("content-l")), 0
        )
        body = json.loads(await reader.readexactly(length)) if length else {}
        if method == "GET":
            told = {
                "/v1/models": {"data": [{"id": "scripted:{}", "owned_by": "vllm"}, {"id": "key:none"}]},
                "/version": {"version": "0.0"},
                "/served": [asdict(one) for one in self.served],
            }
            return self.say(writer, 200 if path in told else 404, told.get(path, {"error": "no such path"}))
        kind, _, rest = body["model"].partition(":")
        if rest != "none" and kind == "key" and f"authorization: bearer {rest}" not in head.lower():
            return self.say(writer, 401, {"error": {"message": "wrong key"}})
        if kind not in ("scripted", "key"):
            return self.say(writer, 400, {"error": {"message": "unknown model"}})
        script = Script(**json.loads(rest)) if kind == "scripted" else Script()
        if unknown := set(script.refuses) & set(body):
            return self.say(writer, 422, {"error": {"message": f"unknown option {unknown.pop()}"}})
        if body["max_tokens"] <= 2:  # a short request to get to know the server
            return await self.stream(writer, body, Script(tokens_per_word=script.tokens_per_word, first_s=0), None)
        log = Served(read_s, body, self.now)
        self.served.append(log)
        self.now += 1
        try:
            return await self.stream(writer, body, script, log)
        finally:
            self.now -= 1

    def say(self, writer, status, body):
        text = json.dumps(body).encode()
        writer.write(
            b"HTTP/1.1 %d Said\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
            % (status, len(text), text)
        )
        return True

    def faulty(self, body, script):
        seen = self.seen[body["model"]] = self.seen.get(body["model"], 0) + 1
        return seen > script.after and seen % script.every == 0

    async def stream(self, writer, body, script, log):
        """Answer a request; whether the connection goes on."""
        faulty = log is not None and self.faulty(body, script)
        log = log or Served(0.0, body)
        if faulty and script.drop == "before":
            return False
        if faulty and script.status != 200:
            return self.say(writer, script.status, {"error": {"message": "too many requests"}})
        if faulty and not script.streams:
            return self.say(writer, 200, {"choices": [{"text": "all at once"}]})
        kind = b"Connection: close" if script.length_head else b"Transfer-Encoding: chunked"
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n" + kind + b"\r\n\r\n")
        say = functools.partial(event, writer, whole=not script.length_head)
        tokens = script.own_length or body["max_tokens"]
        if not await self.tokens(say, writer, body, script, log, tokens, faulty):
            return False
        if script.finish:
            say({"choices": [{"delta": {}, "text": "", "finish_reason": "length"}]})
        if script.usage is not None:
            await asyncio.sleep(script.usage_s)
            prompt = prompt_of(body)
            words = len(prompt.split()) if isinstance(prompt, str) else len(prompt)
            used = {"prompt_tokens": round(words * script.tokens_per_word) + 7 * ("messages" in body)}
            used["completion_tokens"] = tokens if script.usage < 0 else script.usage
            if script.cached:
                used["prompt_tokens_details"] = {"cached_tokens": script.cached}
            say({"choices": [], "usage": used})
        if script.done:
            say("[DONE]")
        if not script.length_head:
            writer.write(b"0\r\n\r\n")
        return not (script.length_head or script.close_idle)

    async def tokens(self, say, writer, body, script, log, tokens, faulty):
        """Send the tokens of an answer; whether all have been sent, or an error in their place."""
        chat = "messages" in body
        if script.before:
            await asyncio.sleep(script.before_s)
            role = {"role": "assistant"} if script.before == "role" else {}
            say({"choices": [{"delta": role | {"content": ""}}]})
        due, chance = time.perf_counter() + script.first_s, random.Random(len(self.served))
        for start in range(0, tokens, script.chunk_tokens):
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            if writer.is_closing():
                return False
            text = "word " * min(script.chunk_tokens, tokens - start)
            log.sends_s.append(say({"choices": [{"delta": {script.part: text}} if chat else {"text": text}]}))
            due += script.gap_s * script.chunk_tokens + chance.uniform(0, script.jitter_s)
            if faulty and start and script.drop == "within":
                return False
            if faulty and start and script.error == "event":
                say("out of memory", kind="error")
                break
            if faulty and start and script.error == "object":
                say({"error": {"message": "out of memory"}})
                break
        return True


def event(writer, data, *, whole, kind=""):
    """Give an event to the kernel; the time before that."""
    head = f"event: {kind}\n" if kind else ""
    text = f"{head}data: {data if isinstance(data, str) else json.dumps(data)}\n\n".encode()
    sent_s = time.perf_counter()
    writer.write(b"%x\r\n%s\r\n" % (len(text), text) if whole else text)
    return sent_s


def prompt_of(body):
    """The prompt of a request, which tells it from the others."""
    return body["prompt"] if "prompt" in body else body["messages"][0]["content"]


@contextlib.contextmanager
def running(*certificate):
    """An endpoint in a process of its own, under TLS where a certificate is given: address and process."""
    words = [sys.executable, "-m", "tests.loadtest.endpoint", *map(str, certificate)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        try:
            kind = "https" if certificate else "http"
            yield f"{kind}://127.0.0.1:{int(process.stdout.readline())}", process
        finally:
            process.kill()


def served(url, name):
    """The requests to a model, as the endpoint saw them."""
    with urllib.request.urlopen(f"{url}/served") as answer:
        return [one for told in json.load(answer) if (one := Served(**told)).body["model"] == name]


async def main(*certificate):
    tls = None
    if certificate:
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(*certificate)
    server = await asyncio.start_server(Server().serve, "127.0.0.1", 0, backlog=1024, ssl=tls)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    asyncio.run(main(*sys.argv[1:]))
