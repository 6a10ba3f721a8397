"""How fast `optimoe web` answers while inputs are dragged, and what memory it keeps.

python benchmarks/web_load.py [--steps 200] [--users 50] [--seconds 30] [--requests 10000] [--out web_load.jsonl]

The server is started as people start it, and asked over HTTP, each user over one connection:

- one user moves budget, demand, TPOT limit or price by small seeded steps, a re-plan at a time near the first
  plan: median and 95th percentile of the seconds, with rows and front, and with `brief`;
- many users each move an input every two seconds: the same, and the share that is answered with 200;
- many questions in a row: resident memory of the server and the processes that answer, at the start, in the middle
  and at the end.
"""

import argparse
import http.client
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

BASE = {
    "train_gpus": "256xh100-sxm",
    "train_days": 30,
    "serve_tokens": 5e12,
    "serve_gpus": "8xh100-sxm",
    "tpot": 0.05,
    "serve_usd_per_hour": 3.0,
    "quick": True,
}
MOVED = {"budget": "train_days", "demand": "serve_tokens", "TPOT limit": "tpot", "price": "serve_usd_per_hour"}
SEED, WIDEST, EVERY_S, WAIT_S = 0, 0.2, 2.0, 120


def question(field: str, factor: float, **switches: bool) -> dict[str, Any]:
    """The base question with one input moved."""
    return BASE | {field: BASE[field] * factor} | switches  # type: ignore[operator]


def ask(connection: http.client.HTTPConnection, table: dict[str, Any]) -> tuple[float, int, int]:
    """Seconds, status and bytes of one answer."""
    start = time.perf_counter()
    connection.request("POST", "/api/v1/plan", json.dumps(table), {"Content-Type": "application/json"})
    answer = connection.getresponse()
    size = len(answer.read())
    return time.perf_counter() - start, answer.status, size


@contextmanager
def served(workers: int) -> Iterator[tuple[int, subprocess.Popen[str]]]:
    """The port of a server that listens, and its process."""
    command = [sys.executable, "-m", "optimoe", "web", "--port", "0", "--workers", str(workers)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        line = server.stdout.readline()
        try:
            yield int(line.partition("127.0.0.1:")[2].partition("/")[0]), server
        finally:
            server.terminate()


def connect(port: int) -> http.client.HTTPConnection:
    """A user's connection."""
    return http.client.HTTPConnection("127.0.0.1", port, timeout=WAIT_S)


def warm(port: int, workers: int) -> None:
    """Make one plan of the whole space in every process that answers, and one near it."""
    for switches in ({}, {"near": True, "brief": True}):
        users = [threading.Thread(target=ask, args=(connect(port), BASE | switches)) for _ in range(workers)]
        for user in users:
            user.start()
        for user in users:
            user.join()


def told(name: str, seconds: list[float], **more: Any) -> dict[str, Any]:
    """One row, printed."""
    row = {"what": name, "answers": len(seconds), "p50_s": float(np.median(seconds))}
    row |= {"p95_s": float(np.percentile(seconds, 95)), **more}
    print(
        ", ".join(
            f"{key} {value:.3g}" if isinstance(value, float) else f"{key} {value}" for key, value in row.items()
        )
    )
    return row


def drag(port: int, steps: int) -> Iterator[dict[str, Any]]:
    """One user drags one input after the other."""
    connection, random = connect(port), np.random.default_rng(SEED)
    for switches in ({"near": True}, {"near": True, "brief": True}):
        for name, field in MOVED.items():
            factors = 1 + np.cumsum(random.normal(0, 0.01, steps // len(MOVED))).clip(-WIDEST, WIDEST)
            found = [ask(connection, question(field, float(factor), **switches)) for factor in factors]
            assert all(status == 200 for _, status, _ in found), found
            how = " ".join(switches)
            yield told(
                f"drag {name}, {how}", [one[0] for one in found], bytes=int(np.median([one[2] for one in found]))
            )


def crowd(port: int, users: int, seconds: float) -> dict[str, Any]:
    """Many users each move an input every two seconds."""
    found: list[tuple[float, int, int]] = []

    def user(number: int) -> None:
        random, connection = np.random.default_rng(number), connect(port)
        end = time.perf_counter() + seconds
        time.sleep(random.uniform(0, EVERY_S))
        while (start := time.perf_counter()) < end:
            field = list(MOVED.values())[random.integers(len(MOVED))]
            found.append(
                ask(connection, question(field, 1 + random.uniform(-WIDEST, WIDEST), near=True, brief=True))
            )
            time.sleep(max(0.0, EVERY_S - (time.perf_counter() - start)))

    threads = [threading.Thread(target=user, args=(number,)) for number in range(users)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    share = sum(status == 200 for _, status, _ in found) / len(found)
    return told(f"{users} users, one move in {EVERY_S:g} s each", [one[0] for one in found], answered=share)


def resident(server: subprocess.Popen[str]) -> list[float]:
    """MB of the server and of each process that answers."""
    listed = subprocess.run(
        ["ps", "-e", "-o", "pid=,ppid=,rss="], capture_output=True, text=True, check=True
    ).stdout
    rows = [tuple(map(int, line.split())) for line in listed.splitlines()]
    return [rss / 1024 for pid, parent, rss in rows if server.pid in (pid, parent)]


def endure(port: int, server: subprocess.Popen[str], requests: int) -> dict[str, Any]:
    """Memory over many questions, of all inputs."""
    random, connection = np.random.default_rng(SEED), connect(port)
    memory, seconds = [resident(server)], []
    for number in range(requests):
        field = list(MOVED.values())[random.integers(len(MOVED))]
        table = question(field, 1 + random.uniform(-WIDEST, WIDEST), near=True, brief=True)
        seconds.append(ask(connection, table)[0])
        if number + 1 in (requests // 2, requests):
            memory.append(resident(server))
    names = ("start_mb", "middle_mb", "end_mb")
    return told(f"{requests} questions", seconds, **dict(zip(names, map(sum, memory), strict=True)))


def main(words: list[str]) -> None:
    """Print a row for each, and write them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--users", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args(words)
    with served(asked.workers) as (port, server):
        warm(port, asked.workers)
        rows = [*drag(port, asked.steps), crowd(port, asked.users, asked.seconds)]
        rows.append(endure(port, server, asked.requests))
    if asked.out:
        asked.out.write_text("".join(json.dumps(row) + "\n" for row in rows))


if __name__ == "__main__":
    main(sys.argv[1:])
