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
from optimoe.core.errors import InfeasibleError, require
from optimoe.core.grid import broadcast, map_numbers, take
from optimoe.cost.layers.layout import Layout, as_column
from optimoe.cost.serving.estimate import Deployment, Prepared, prepare, steps_of
from optimoe.cost.serving.prompts import accepted_tokens
from optimoe.cost.serving.step import decode_step
from optimoe.cost.serving.systems.ranks import waiting

RUNNING = np.unique(np.round(2 ** np.arange(0, 12.26, 0.25)))
"""Running requests of an attention rank that goodput is looked for at: 1 to about 4,900, four per doubling."""


@dataclass(frozen=True, kw_only=True)
class OpenSystem:
    """One attention rank under Poisson arrivals. Numbers, or arrays over loads.

    Attributes:
        requests_per_s: Arrivals.
        running: Requests in the batch, in the mean.
        prefill_share: Share of time that prompts take, ρ.
        mean_ttft_s, mean_tpot_s: Mean seconds to the first token, and per token after it.
        ttft_s, tpot_s: The percentile asked for.
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
    percentile: float = 0.99,
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
        percentile: Such as 0.99.

    Raises:
        ConfigError: The percentile is not in (0.5, 1).
    """
    require(0.5 < percentile < 1, "percentile", "above 0.5 and below 1", percentile)
    steps = np.maximum(output_tokens - 1, 1)
    rate = running / (steps * token_s + running * prefill_s)
    share = rate * prefill_s
    step_s = token_s / (1 - share)
    variance = rate * step_s * prefill_s**2 / (1 - share**2)
    seen_s = (step_s**2 + variance) / step_s
    least_s = front_s + token_s + (prefill_s if own_s is None else own_s)
    mean_wait_s, wait_s = _wait(running, places, rate, percentile)
    others = np.ceil(np.maximum(pdtrik(percentile, 1.5 * rate * seen_s), 0.0))
    spread_s = np.sqrt(swing_s**2 + rate * step_s * prefill_s**2 / steps) / (1 - share) ** 1.5
    return OpenSystem(
        requests_per_s=rate,
        running=running,
        prefill_share=share,
        mean_ttft_s=least_s + seen_s / 2 + prefill_s * rate * seen_s + mean_wait_s,
        mean_tpot_s=step_s,
        ttft_s=least_s + token_s + prefill_s * others / np.sqrt(1 - share) + wait_s,
        tpot_s=step_s + ndtri(percentile) * spread_s,
        wait_s=wait_s,
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


@dataclass(frozen=True, kw_only=True)
class Goodput:
    """The most requests per second that a deployment serves within the limits.

    Attributes:
        layout: Layout of the deployment.
        requests_per_s: Requests of all its attention ranks, arrivals dealt out at random.
        load: One rank at that rate.
        percentile: Share of the requests that keep the limits.
    """

    layout: Layout
    requests_per_s: float
    load: OpenSystem
    percentile: float


def goodput(arch: ArchSpec, deployment: Deployment, layouts: Layout, percentile: float = 0.99) -> Goodput:
    """The layout and the load with the most requests per second whose percentile keeps the limits.

    Raises:
        InfeasibleError: Not even the lightest load keeps them.
    """
    column = as_column(layouts)
    ready = prepare(arch, deployment, column)
    load = loaded(arch, deployment, ready, RUNNING, percentile)
    limits = deployment.limits
    held = np.broadcast_to(ready.fits > RUNNING, np.shape(load.ttft_s))  # a place must be free for the next one
    if not held.any():
        raise InfeasibleError(
            "memory: the weights and two requests do not fit; take more GPUs or a lower precision"
        )
    kept = held & (load.ttft_s <= limits.ttft_s) & (load.tpot_s <= limits.tpot_s)
    rate = np.where(kept, load.requests_per_s * column.dp, 0.0)
    if not rate.any():
        raise InfeasibleError(
            f"ttft, tpot: no load keeps the limits for {percentile:.0%} of the requests; the lightest has TTFT "
            f"{np.min(load.ttft_s[held]):.3g} s and TPOT {np.min(load.tpot_s[held]):.3g} s"
        )
    row, at = np.unravel_index(int(rate.argmax()), rate.shape)
    return Goodput(
        layout=take(broadcast(layouts), int(row)),
        requests_per_s=float(rate[row, at]),
        load=map_numbers(load, lambda values: float(np.broadcast_to(values, rate.shape)[row, at])),
        percentile=percentile,
    )


def loaded(
    arch: ArchSpec, deployment: Deployment, ready: Prepared, running: Values, percentile: float
) -> OpenSystem:
    """:func:`open_system` of a deployment's layout, at so many running requests of a rank.

    Where attention ranks end their steps together, each has that load, and their waiting counts as decoding.
    """
    workload, engine, machine = deployment.workload, deployment.engine, ready.machine
    accepted = accepted_tokens(engine)
    steps = max(workload.output_tokens - 1, 1) / accepted
    decode, prompt = steps_of(arch, deployment, machine, running)
    more = decode_step(machine, engine, arch, running + np.sqrt(running), workload.mean_context)

    def token_s(batch: Values, decode_s: Values) -> Values:
        lock = waiting(ready.ranks, running=batch, decode_steps=steps, decode_s=decode_s, prompt_s=prompt.stall_s)
        return (decode_s + lock.stall_s / steps) / accepted

    now_s, more_s = token_s(running, decode.total_s), token_s(running + np.sqrt(running), more.total_s)
    return open_system(
        running=running,
        token_s=now_s,
        swing_s=more_s - now_s,
        prefill_s=prompt.stall_s,
        own_s=prompt.single_s,
        output_tokens=workload.output_tokens,
        places=ready.fits,
        front_s=engine.host.before_s(workload.input_tokens),
        percentile=percentile,
    )
