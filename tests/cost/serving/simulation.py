"""Continuous batching, event by event: what the closed forms are compared with.

One replica, or attention ranks that end every step together.
"""

import math
from collections import defaultdict, deque
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


@dataclass(frozen=True)
class Ranks:
    """Attention ranks that share experts: seconds of a decoding step, and of a prompt that takes ``chunks`` steps.

    A prompt takes its rank ``prompt_s · own_share`` alone; the rest is dealt over all ranks. ``mode`` is
    ``riding`` (prompts in decoding steps), ``reading`` (a rank reads or decodes) or ``stopping`` (nobody decodes
    while any reads); prompts are held back until all ranks have one, for at most ``align_steps``.
    """

    ranks: int
    decode_s: float
    prompt_s: float
    chunks: float
    own_share: float = 1.0
    mode: str = "riding"
    align_steps: int = 0


class _Rank:
    """Prompts that wait, each with what is left of it, and requests by the decoding step in which they end."""

    def __init__(self):
        self.waiting, self.ends, self.running, self.decoded = deque(), defaultdict(list), 0, 0

    def read(self, room):
        """Prompts finished, and prompts' worth of work, in a step with so much room."""
        finished, left = [], room
        while self.waiting and left > 1e-12:
            prompt = self.waiting[0]
            taken = min(left, prompt[0])
            prompt[0] -= taken
            left -= taken
            if prompt[0] < 1e-12:
                finished.append(self.waiting.popleft()[1])
        return finished, room - left

    def start(self, arrived, now, output):
        self.ends[self.decoded + max(output - 1, 1)].append((arrived, now, output))
        self.running += 1

    def decode(self):
        self.decoded += 1
        ended = self.ends.pop(self.decoded, [])
        self.running -= len(ended)
        return ended


def serve_ranks(setup, batch, output, spread=0.3, rounds=None, steps=4000, seed=0):
    """``batch`` requests for ever on each rank: mean TTFT, TPOT and e2e, and the mean of prompts' work in a step.

    With ``rounds`` all start together and as many follow each other in each place; without, they start at random
    points of their answers, and the last two thirds of the requests are counted.
    """
    rng = np.random.default_rng(seed)
    width = spread * np.sqrt(3)

    def length():
        return max(1, round(rng.uniform(1 - width, 1 + width) * output))

    ranks = [_Rank() for _ in range(setup.ranks)]
    for rank in ranks:
        for _ in range(batch):
            if rounds:
                rank.waiting.append([1.0, 0.0])
            else:
                rank.start(0.0, 0.0, 1 + int(rng.uniform(1, output)))
    left = setup.ranks * batch * (rounds - 1) if rounds else math.inf
    now, seen, held, step = 0.0, [], 0, 0
    while (step < steps or rounds) and (any(rank.waiting or rank.running for rank in ranks)):
        step += 1
        ready = [bool(rank.waiting) for rank in ranks]
        held = 0 if all(ready) else held + 1
        hold = setup.align_steps and not all(ready) and held < setup.align_steps and all(r.running for r in ranks)
        held = held if hold else 0
        done = [([], 0.0) if hold else rank.read(1 / setup.chunks) for rank in ranks]
        work = np.array([one[1] for one in done])
        reads = work > 0
        decodes = (
            ~reads if setup.mode == "reading" else np.full(len(ranks), setup.mode == "riding" or not reads.any())
        )
        prompts_s = setup.prompt_s * (setup.own_share * work.max() + (1 - setup.own_share) * work.mean())
        decode_s = setup.decode_s * any(go and rank.running for go, rank in zip(decodes, ranks, strict=True))
        now += max(prompts_s, decode_s) if setup.mode == "reading" else prompts_s + decode_s
        for rank, go, (finished, _) in zip(ranks, decodes, done, strict=True):
            for arrived, first, length_of in rank.decode() if go else ():
                seen.append((first - arrived, (now - first) / max(length_of - 1, 1), now - arrived))
                if left > 0:
                    left -= 1
                    rank.waiting.append([1.0, now])
            for arrived in finished:
                rank.start(arrived, now, length())
    kept = np.array(seen[0 if rounds else len(seen) // 3 :])
    return dict(zip(("ttft_s", "tpot_s", "e2e_s"), kept.mean(axis=0), strict=True))
