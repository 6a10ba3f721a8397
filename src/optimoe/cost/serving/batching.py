"""Continuous batching as a closed system: so many requests in flight, each followed by the next when it ends.

A replica must, for every round of its b requests, read b prompts and take ``output`` decode steps. Whatever the
order, a request then takes

    e2e = front + b·t_prefill + output·t_decode

The scheduler decides how many of the other b − 1 prompts a request waits for before its first token (q of them)
and how many stall it afterwards:

    TTFT = front + t_decode + (1 + q)·t_prefill      TPOT = t_decode + (b − 1 − q)/(output − 1)·t_prefill
"""

from dataclasses import dataclass

import numpy as np

from optimoe.core.arrays import Flags, Values
from optimoe.cost.serving.engine import Engine
from optimoe.cost.serving.workload import Workload

TOGETHER = 0.5
"""Share of the others' prompts before one's own when all arrive at once: half of them, on average."""


@dataclass(frozen=True, kw_only=True)
class ClosedSystem:
    """Latency of a request in the mean.

    Attributes:
        ttft_s: Until its first token.
        tpot_s: Per token after the first, of which ``stall_s`` are prompts of others.
        e2e_s: Whole.
    """

    ttft_s: Values
    tpot_s: Values
    stall_s: Values
    e2e_s: Values


def closed_system(
    engine: Engine,
    workload: Workload,
    batch: Values,
    running: Values,
    decode_s: Values,
    prefill_s: Values,
    token_s: Values,
    stage_s: Values,
) -> ClosedSystem:
    """:func:`closed_latency` of an engine's scheduler and front end under a workload."""
    return closed_latency(
        engine.front_s,
        workload.output_tokens,
        engine.prefill_first and workload.fixed_lengths,
        workload.rounds,
        batch,
        running,
        decode_s,
        prefill_s,
        token_s,
        stage_s,
    )


def closed_latency(
    front_s: Values,
    output_tokens: Values,
    in_step: Flags,
    rounds: Values,
    batch: Values,
    running: Values,
    decode_s: Values,
    prefill_s: Values,
    token_s: Values,
    stage_s: Values,
) -> ClosedSystem:
    """``batch`` requests in flight on an attention rank, ``running`` of which the memory holds.

    Those that do not fit wait for their turn: (batch − running)·e2e(running)/running before their first
    token. The decode step is taken at the full running batch, an upper estimate while many wait for prompts.

    Args:
        front_s: From arrival to the scheduler and back.
        output_tokens: Answer of a request.
        in_step: Requests stay in step for ever; see :func:`waited_share`.
        rounds: Of requests that follow each other, all places filling at once; infinite is the steady state.
        batch: Requests in flight.
        running: Those in the batch, at most ``batch``.
        decode_s: One decode step.
        prefill_s: One prompt, from its first chunk to its first token.
        token_s: Decoding per token: the step over the tokens that it yields.
        stage_s: Time for which a prompt stalls the others: that of one pipeline stage.
    """
    others, after_first = running - 1, output_tokens - 1
    steps = np.maximum(after_first, 1)
    waited = others * waited_share(in_step, rounds, stage_s, steps * token_s)
    first_s = front_s + decode_s + prefill_s + waited * stage_s
    stall_s = (others - waited) / steps * stage_s
    tpot_s = token_s + stall_s
    e2e_s = first_s + after_first * tpot_s
    queued_s = np.maximum(batch / running - 1, 0.0) * e2e_s
    return ClosedSystem(ttft_s=first_s + queued_s, tpot_s=tpot_s, stall_s=stall_s, e2e_s=e2e_s + queued_s)


def waited_share(in_step: Flags, rounds: Values, stage_s: Values, decoding_s: Values) -> Values:
    """Share φ of the other requests' prompts that one waits for before its own first token.

    Where all requests start together, ½. Engines that read prompts before they decode any further keep
    requests of one length in step for ever: ½ again. Otherwise they drift apart, a prompt finds the prefill
    of others in progress for the share of time that these take, and waits as in an M/D/1 queue, cut at ½:

        φ = ½·t_prefill/(t_prefill + (output − 1)·t_decode)

    A run of r rounds that starts all requests at once has one round of the first kind: φ + (½ − φ)/r.
    """
    share = TOGETHER * stage_s / (stage_s + decoding_s)
    return np.where(in_step, TOGETHER, share + (TOGETHER - share) / rounds)[()]
