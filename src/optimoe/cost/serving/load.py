"""Open arrivals: requests that come when they come, at a rate, and the latency that most of them see.

A replica with b running requests serves, in the mean,

    rate(b) = b / ((output − 1)·t_decode(b) + b·t_prefill)

requests per second: every rate below the largest has its b. Arrivals are Poisson; each step takes in the prompts
that came during the one before (chunked prefill). With ρ = rate·t_prefill the share of time in prompts:

    step   T = t_decode/(1 − ρ), variance V = rate·T·t_prefill²/(1 − ρ²), seen by an arrival: T' = (T² + V)/T
    TTFT   = front + wait + T'/2 + t_decode + t_prefill·(1 + rate·T')
    TPOT   = T

The wait is for a free place among those that the memory holds (Erlang's delay formula). Percentile p, z its normal
deviate:

    TTFT_p = front + wait_p + 2·t_decode + t_prefill·(1 + K/√(1 − ρ))   K: percentile of Poisson(1.5·rate·T')
    TPOT_p = T + z·√((t_decode(b + √b) − t_decode(b))² + rate·T·t_prefill²/(output − 1))/(1 − ρ)^1.5

since b fluctuates like a Poisson number, and the prompts that fall into a request's stay (the powers of 1 − ρ are
what a simulation asks for; a delay busy period gives 1.5 for the prompts). ``tests/cost/serving/test_load.py``
compares with that simulation: means within 11 % (TPOT 20 % at ρ = 0.83), 90th and 99th percentiles of TPOT within
10 %, of TTFT within 26 % (52 % at ρ = 0.83).
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri, pdtr, pdtrik

from optimoe.arch.spec import ArchSpec
from optimoe.core.arrays import Values
from optimoe.core.errors import require
from optimoe.cost.engines.engine import Engine
from optimoe.cost.layers.machine import Machine
from optimoe.cost.serving.prompts import PromptSeconds, accepted_tokens
from optimoe.cost.serving.step import decode_step
from optimoe.cost.serving.systems.ranks import LockStep, waiting
from optimoe.cost.serving.workload import Limits, Workload


@dataclass(frozen=True, kw_only=True)
class OpenSystem:
    """One attention rank under Poisson arrivals. Numbers, or arrays over loads.

    Attributes:
        requests_per_s: Arrivals.
        running: Requests in the batch, in the mean.
        prefill_share: Share of time that prompts take, ρ.
        mean_ttft_s, mean_tpot_s: Mean seconds to the first token, and per token after it.
        ttft_s, tpot_s: The percentile that is asked for; the mean where none is.
        wait_s: Part of that TTFT spent waiting for a free place.
    """

    requests_per_s: Values
    running: Values
    prefill_share: Values
    mean_ttft_s: Values
    mean_tpot_s: Values
    ttft_s: Values
    tpot_s: Values
    wait_s: Values


def open_system(
    *,
    running: Values,
    token_s: Values,
    swing_s: Values,
    prefill_s: Values,
    output_tokens: Values,
    places: Values,
    front_s: Values = 0.0,
    own_s: Values | None = None,
    ttft_percentile: float = 0.0,
    tpot_percentile: float = 0.0,
) -> OpenSystem:
    """The load that keeps ``running`` requests in the batch, and its latency.

    Args:
        running: b, below ``places``.
        token_s: Decoding per token at b.
        swing_s: Seconds by which ``token_s`` grows with √b more requests.
        prefill_s: Time for which a prompt holds the others up.
        output_tokens: Answer of a request.
        places: Requests that the memory holds.
        front_s: Seconds from arrival to the scheduler and back.
        own_s: Seconds of a prompt until its own first token; ``prefill_s`` unless given.
        ttft_percentile: Share of the requests with at most the TTFT that is told, such as 0.99; 0 is the mean.
        tpot_percentile: The same for TPOT.

    Raises:
        ConfigError: A percentile is not in (0.5, 1).
    """
    for share in (ttft_percentile, tpot_percentile):
        require(share == 0 or 0.5 < share < 1, "percentile", "above 0.5 and below 1, or 0 for the mean", share)
    steps = np.maximum(output_tokens - 1, 1)
    rate = running / (steps * token_s + running * prefill_s)
    share = rate * prefill_s
    step_s = token_s / (1 - share)
    variance = rate * step_s * prefill_s**2 / (1 - share**2)
    seen_s = (step_s**2 + variance) / step_s
    least_s = front_s + token_s + (prefill_s if own_s is None else own_s)
    mean_wait_s, wait_s = _wait(running, places, rate, ttft_percentile)
    mean_ttft_s = ttft_s = least_s + seen_s / 2 + prefill_s * rate * seen_s + mean_wait_s
    tpot_s = step_s
    if ttft_percentile:
        others = np.ceil(np.maximum(pdtrik(ttft_percentile, 1.5 * rate * seen_s), 0.0))
        ttft_s = least_s + token_s + prefill_s * others / np.sqrt(1 - share) + wait_s
    if tpot_percentile:
        spread_s = np.sqrt(swing_s**2 + rate * step_s * prefill_s**2 / steps) / (1 - share) ** 1.5
        tpot_s = step_s + ndtri(tpot_percentile) * spread_s
    return OpenSystem(
        requests_per_s=rate,
        running=running,
        prefill_share=share,
        mean_ttft_s=mean_ttft_s,
        mean_tpot_s=step_s,
        ttft_s=ttft_s,
        tpot_s=tpot_s,
        wait_s=wait_s if ttft_percentile else mean_wait_s,
    )


def _wait(running: Values, places: Values, rate: Values, percentile: float) -> tuple[Values, Values]:
    """Mean and percentile of the wait for one of c places, b of them taken: P(W > t) = C·e^(−(c − b)·rate·t/b).

    M/M/c; Erlang's C from the Poisson tail: B = pmf(c; b)/cdf(c; b), C = B/(1 − b/c·(1 − B)).
    """
    places = np.maximum(np.floor(places), 1.0)
    taken = np.minimum(running, places * 0.999)
    below, at = pdtr(places - 1, taken), pdtr(places, taken)
    lost = (at - below) / at
    delayed = lost / (1 - taken / places * (1 - lost))
    freed_per_s = (places - taken) * rate / taken
    return delayed / freed_per_s, np.log(np.maximum(delayed / (1 - percentile), 1.0)) / freed_per_s


def open_arrivals(
    machine: Machine,
    engine: Engine,
    arch: ArchSpec,
    workload: Workload,
    limits: Limits,
    *,
    running: Values,
    places: Values,
    ranks: LockStep,
    token_s: Values,
    prompt: PromptSeconds,
) -> OpenSystem:
    """:func:`open_system` of an attention rank of a deployment, at the percentiles of its limits.

    Where attention ranks end their steps together, each has that load, and their waiting counts as decoding.

    Args:
        machine: The GPUs.
        engine: The software.
        arch: The model.
        workload: The requests.
        limits: Their percentiles alone are used.
        running: Requests in the batch, in the mean.
        places: Those that the memory holds.
        ranks: The ranks that end their steps together.
        token_s: Decoding of those requests per token, with what a rank waits for others.
        prompt: A prompt among them.
    """
    accepted = accepted_tokens(engine)
    steps = max(workload.output_tokens - 1, 1) / accepted

    swing_s: Values = 0.0
    if limits.tpot_percentile:
        more = running + np.sqrt(running)
        decode_s = decode_step(machine, engine, arch, more, workload.mean_context).total_s
        lock = waiting(ranks, running=more, decode_steps=steps, decode_s=decode_s, prompt_s=prompt.stall_s)
        swing_s = (decode_s + lock.stall_s / steps) / accepted - token_s
    return open_system(
        running=running,
        token_s=token_s,
        swing_s=swing_s,
        prefill_s=prompt.stall_s,
        own_s=prompt.single_s,
        output_tokens=workload.output_tokens,
        places=places,
        front_s=engine.host.before_s(workload.input_tokens),
        ttft_percentile=limits.ttft_percentile,
        tpot_percentile=limits.tpot_percentile,
    )
