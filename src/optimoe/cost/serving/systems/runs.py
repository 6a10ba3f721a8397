"""Runs that end: a batch served at once, and a queue of requests that is worked off.

N requests of a rank stand in line at the start; b are served at once, and as one ends the next takes its place.
All prompts are read, and N/b requests follow each other in a place with D decoding steps each:

    total = front + N·t_prefill + (N/b)·D·t_decode(b) + t_decode(1)·(ramp + D·gap)

since a step costs t_decode(1) at least while places fill and empty. Where prompts ride on decoding steps, a
request also takes one with its prompt (D + 1, but for the last), and ramp is the steps in which b prompts are
read: what a prompt adds to a step holds neither weights nor launches. Gap is the time for which places stand
empty at the end, in answers. Where requests are alike it lasts to the next whole round. Where they have drifted
all over a round, it is the longest rest of an answer less the mean one; lengths drawn evenly from 1 − w to 1 + w,
w = √3·spread, leave

    g = 1 + w − √(2w/b) − (1 + spread²)/2
    gap = (1 − f)·(⌈N/b⌉ − N/b) + f·g,    f = min(1, w·(b − 1)/(b + 1)·√(N/b)/g)

so that one round ends with its longest answer.
Against a simulation (``tests/cost/serving/systems/test_runs.py``) within 5 %.
"""

from dataclasses import dataclass

import numpy as np

from optimoe.core.arrays import Flags, Values
from optimoe.cost.serving.systems.batching import Rounds, StepSeconds
from optimoe.cost.serving.systems.ranks import ALONE, LockStep, drifted_share, waiting
from optimoe.cost.serving.workload import Workload


@dataclass(frozen=True, kw_only=True)
class FiniteRun:
    """A run that ends, over all ranks. Numbers, or arrays over runs.

    Attributes:
        arrivals: ``static``, one batch at once, or ``offline``, a queue.
        num_requests: Requests in all.
        prefill_s: Until the prompts of the first batch are read, the front end included.
        total_s: Until the last token.
        requests_per_s: Requests over the whole time.
        output_tokens_per_s: Tokens of answers over the whole time.
        total_tokens_per_s: Tokens of prompts and answers over the whole time.
    """

    arrivals: str
    num_requests: Values
    prefill_s: Values
    total_s: Values
    requests_per_s: Values
    output_tokens_per_s: Values
    total_tokens_per_s: Values

    @property
    def decode_s(self) -> Values:
        """What follows the prompts of the first batch, until the last token."""
        return self.total_s - self.prefill_s


@dataclass(frozen=True, kw_only=True)
class Queue:
    """What one rank works off.

    Attributes:
        num_requests: N.
        running: b, at most N.
        least_s: Decoding step of one request.
        reading_steps: Steps that take in the prompts of a batch.
        riding: Prompts are read in decoding steps.
    """

    num_requests: Values
    running: Values
    least_s: Values
    reading_steps: Values
    riding: Flags


def run_seconds(
    requests: Rounds, step: StepSeconds, queue: Queue, ranks: LockStep = ALONE
) -> tuple[Values, Values]:
    """Seconds until the first batch's prompts are read, and until the last token: the module's formula.

    Args:
        requests: Answers, front end and spread of lengths.
        step: Seconds of a decoding step of ``running`` requests, and of a prompt.
        queue: What one rank works off.
        ranks: Ranks that end their steps together; one waits for the others in every round that has drifted.
    """
    rounds = queue.num_requests / queue.running
    decode_steps = (requests.output_tokens - 1) * step.token_s / step.decode_s
    ramp = np.where(queue.riding, np.maximum(queue.reading_steps, 1.0), 0.0)
    fill_s = np.maximum(step.prefill_s - step.together * step.stage_s, 0.0)
    first_s = requests.front_s + fill_s + queue.running * step.stage_s + ramp * queue.least_s
    steps = rounds * (decode_steps + np.where(queue.riding, 1, 0)) - np.where(queue.riding, 1, 0)
    width = np.sqrt(3) * np.asarray(requests.spread)
    longest = np.maximum(1 + width - np.sqrt(2 * width / queue.running), 1.0)
    rest = longest - (1 + np.asarray(requests.spread) ** 2) / 2
    most = width * (queue.running - 1) / (queue.running + 1)  # by which the longest of b exceeds the mean
    drifted = np.minimum(most * np.sqrt(rounds) / rest, 1.0)
    gap = (1 - drifted) * (np.ceil(rounds) - rounds) + drifted * rest
    lock = waiting(
        ranks,
        running=queue.running,
        decode_steps=np.maximum(decode_steps, 1.0),
        decode_s=step.decode_s,
        prompt_s=step.stage_s,
    )
    waited_s = rounds * drifted_share(rounds, requests.spread) * (lock.stall_s + lock.held_s)
    later_s = (queue.num_requests - queue.running) * step.stage_s + steps * step.decode_s + waited_s
    return first_s, first_s + later_s + gap * decode_steps * queue.least_s


def finite_run(workload: Workload, num_requests: Values, seconds: tuple[Values, Values]) -> FiniteRun:
    """Rates of so many requests, from the seconds of :func:`run_seconds`."""
    prefill_s, total_s = seconds
    rate = num_requests / total_s
    return FiniteRun(
        arrivals=workload.arrivals,
        num_requests=num_requests,
        prefill_s=prefill_s,
        total_s=total_s,
        requests_per_s=rate,
        output_tokens_per_s=rate * workload.output_tokens,
        total_tokens_per_s=rate * workload.full_context,
    )
