"""One replica with continuous batching, event by event: what the closed forms are compared with."""

from collections import deque
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Replica:
    """Seconds of a step with so many requests, of a prompt, and how the scheduler mixes them, how many at most."""

    decode_s: object
    prefill_s: float
    places: int = 10**9
    prefill_first: bool = False
    prompts: int = 10**9


@dataclass(frozen=True)
class Seen:
    """Of every request: time to first token, time per token after it, whole; and the time all took."""

    ttft_s: np.ndarray
    tpot_s: np.ndarray
    e2e_s: np.ndarray
    span_s: float


def serve(replica, arrivals, outputs, closed=0):
    """Serve requests in order of arrival; in a closed run ``closed`` stand in line at first, then one for one.

    A step reads the prompts that wait for a place that is free, and gives a token to every running request;
    an engine that reads prompts first does nothing else while any waits.
    """
    waiting, running = deque(), {}
    arrived, first, ended = (np.zeros(len(outputs)) for _ in range(3))
    now, coming = 0.0, 0
    left = outputs.astype(int).copy()

    def admit(limit):
        nonlocal coming
        while coming < len(outputs) and (coming < limit if closed else arrivals[coming] <= now):
            arrived[coming] = now if closed else arrivals[coming]
            waiting.append(coming)
            coming += 1

    admit(closed)
    done = 0
    while done < len(outputs):
        if not waiting and not running:
            now = arrivals[coming]
            admit(0)
        taken = []
        while waiting and len(running) + len(taken) < replica.places and len(taken) < replica.prompts:
            taken.append(waiting.popleft())
        decoding = [] if replica.prefill_first and taken else list(running)
        batch = len(decoding)
        now += len(taken) * replica.prefill_s + (replica.decode_s(batch) if batch else 0.0)
        for request in decoding:
            left[request] -= 1
            if left[request] == 0:
                ended[request] = now
                del running[request]
                done += 1
        for request in taken:
            first[request] = now
            left[request] -= 1
            if left[request] == 0:
                ended[request] = now
                done += 1
            else:
                running[request] = True
        admit(done + closed)
    tpot = (ended - first) / np.maximum(outputs - 1, 1)
    return Seen(first - arrived, tpot, ended - arrived, now)
