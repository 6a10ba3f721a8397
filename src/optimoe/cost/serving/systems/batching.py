"""Continuous batching as a closed system: so many requests in flight, each followed by the next when it ends.

A replica must, for every round of its b requests, read b prompts and take ``output`` decode steps. Whatever the
order, a request then takes

    e2e = front + b·t_prefill + output·t_decode

The scheduler decides how many of the other b − 1 prompts a request waits for before its first token (q of them)
and how many stall it afterwards:

    TTFT = front + t_decode + (1 + q)·t_prefill      TPOT = t_decode + (b − 1 − q)/(output − 1)·t_prefill

Attention ranks that share experts also wait for each other's prompts: :mod:`optimoe.cost.serving.systems.ranks`.
"""

import math
from dataclasses import dataclass

import numpy as np

from optimoe.core.arrays import Flags, Values
from optimoe.cost.engines.engine import Engine
from optimoe.cost.serving.systems.ranks import ALONE, LockStep, drifted_share, waiting
from optimoe.cost.serving.workload import DRAWN_SPREAD, Workload

TOGETHER = 0.5
"""Share of the others' prompts before one's own when all arrive at once: half of them, on average."""


@dataclass(frozen=True, kw_only=True)
class Rounds:
    """Requests of one length that follow each other in every place of a scheduler. Numbers, or arrays over runs.

    Attributes:
        output_tokens: Answer of a request.
        front_s: Seconds from a request's arrival to the scheduler and back to the client.
        in_step: Requests stay in step for ever; see :func:`waited_share`.
        rounds: How many follow each other, all places filling at once; infinite is the steady state.
        spread: Standard deviation over mean of their lengths, by which those that started together drift apart.
    """

    output_tokens: Values
    front_s: Values = 0.0
    in_step: Flags = False
    rounds: Values = math.inf
    spread: Values = DRAWN_SPREAD

    @classmethod
    def of(cls, engine: Engine, workload: Workload) -> "Rounds":
        """The requests of a workload as an engine schedules them."""
        return cls(
            output_tokens=workload.output_tokens,
            front_s=engine.host.before_s(workload.input_tokens),
            in_step=engine.prefill_first and workload.fixed_lengths,
            rounds=workload.rounds,
            spread=workload.length_spread,
        )


@dataclass(frozen=True, kw_only=True)
class StepSeconds:
    """Seconds of what a replica does over and over. Numbers, or arrays over batches.

    Attributes:
        decode_s: One decode step of the running batch.
        token_s: Decoding per token: the step over the tokens that it yields a request.
        prefill_s: One prompt, from the start of its first step to its first token, less a decode step it rides on.
        stage_s: Time for which a prompt stalls the others: its share of the steps that read it, in one stage.
        together: Prompts that share a step, and get their first tokens together.
    """

    decode_s: Values
    token_s: Values
    prefill_s: Values
    stage_s: Values
    together: Values = 1.0


@dataclass(frozen=True, kw_only=True)
class ClosedSystem:
    """Mean latency of a request among a constant number in flight.

    Attributes:
        ttft_s: Seconds until its first token.
        tpot_s: Seconds per token after the first, ``stall_s`` and ``ranks_s`` among them; 0 where there is none.
        stall_s: Seconds per token for which prompts of others on its rank stall it.
        ranks_s: Seconds per token for which its rank waits for others.
        e2e_s: Seconds of the whole request.
    """

    ttft_s: Values
    tpot_s: Values
    stall_s: Values
    ranks_s: Values
    e2e_s: Values


def closed_system(
    requests: Rounds, step: StepSeconds, *, batch: Values, running: Values, ranks: LockStep = ALONE
) -> ClosedSystem:
    """``batch`` requests in flight on an attention rank, ``running`` of which the memory holds.

    Those that do not fit wait for their turn: (batch − running)·e2e(running)/running before their first
    token. The decode step is taken at the full running batch, an upper estimate while many wait for prompts. An
    answer of one token ends with its prompt, and waits for those of all others.

    Args:
        requests: Their answers, and how the scheduler lets them in.
        step: Seconds of a decode step and of a prompt.
        batch: Requests in flight.
        running: Those in the batch, at most ``batch``.
        ranks: The ranks that end their steps together.
    """
    others, after_first = np.maximum(running - step.together, 0.0), requests.output_tokens - 1
    steps = np.maximum(after_first, 1)
    lock = waiting(
        ranks,
        running=running,
        decode_steps=steps * step.token_s / step.decode_s,
        decode_s=step.decode_s,
        prompt_s=step.stage_s,
    )
    drifted = drifted_share(requests.rounds, requests.spread)
    ranks_s = drifted * lock.stall_s / steps
    waited = others * np.where(after_first > 0, waited_share(requests, step, ranks_s), 1.0)
    running_s = np.where(after_first > 0, step.decode_s, 0.0)
    first_s = requests.front_s + running_s + step.prefill_s + waited * step.stage_s + drifted * lock.held_s
    stall_s = (others - waited) / steps * step.stage_s
    ranks_s = np.where(after_first > 0, ranks_s, 0.0)
    tpot_s = np.where(after_first > 0, step.token_s + stall_s + ranks_s, 0.0)[()]
    e2e_s = first_s + after_first * tpot_s
    queued_s = np.maximum(batch / running - 1, 0.0) * e2e_s
    return ClosedSystem(
        ttft_s=first_s + queued_s, tpot_s=tpot_s, stall_s=stall_s, ranks_s=ranks_s, e2e_s=e2e_s + queued_s
    )


def waited_share(requests: Rounds, step: StepSeconds, ranks_s: Values = 0.0) -> Values:
    """Share φ of the other requests' prompts that one waits for before its own first token.

    Where all requests start together, ½. Engines that read prompts before they decode any further keep
    requests of one length in step for ever: ½ again. Otherwise they drift apart, a prompt finds the prefill
    of others in progress for the share of time that these take, and waits as in an M/D/1 queue, cut at ½:

        φ = ½·t_prefill/(t_prefill + (output − 1)·t_decode)

    A run of r rounds that starts all requests at once has one round of the first kind: φ + (½ − φ)/r. A token's
    wait for other ranks, ``ranks_s``, counts as decoding.
    """
    decoding_s = np.maximum(requests.output_tokens - 1, 1) * (step.token_s + ranks_s)
    share = TOGETHER * step.stage_s / (step.stage_s + decoding_s)
    return np.where(requests.in_step, TOGETHER, share + (TOGETHER - share) / requests.rounds)[()]
