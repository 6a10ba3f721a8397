"""Attention ranks that share experts end every step together, and wait for the one with the most prompt work.

Dispatch and combine of every layer join R ranks. What a rank does of a prompt alone (attention, projections,
shared experts) is waited for; the routed experts are dealt over all ranks, whichever has the prompt. Counted in
steps, the ranks know nothing of each other. With b requests on each, D decoding steps a request, c prompts that
one step can take in (chunk over prompt), n = 1/c, l and s the seconds that a prompt takes its rank alone and all
ranks together:

* Prompts ride on decoding steps. A rank is a queue that b requests come back to after D + ⌈n⌉ steps. It is busy
  for the share ρ of the steps, with the wait n·ρ/(2(1 − ρ)) of Pollaczek and Khinchin behind (b − 1)/b others:

      (D + ⌈n⌉ − n(b − 1)/2b)·ρ² − (D + ⌈n⌉ + b·n)·ρ + b·n = 0,   λ = ρ·c prompts a step,   S = b/λ steps a round

  Work of a step is min(c, A) prompts, A Poisson with the mean that makes it λ on average.

* Prompts are read first, by each rank for itself (the others decode meanwhile). A decoding step ends ν = b/D
  requests, A of them Poisson; reading these takes ⌈A/c⌉ steps, so that H(x) = E⌈(A − x)⁺/c⌉ steps with more than
  x prompts follow every decoding step: S = D·(1 + H(0)), P(work > x) = H(x)/(1 + H(0)).

* Prompts are read first and all ranks stop for them: max_r A_r prompts follow each of D decoding steps.

The most work of R ranks is X with P(X > x) = 1 − (1 − P(work > x))^R, and a round waits

    S·l·(E X − λ)
    S·(s·λ + P₀·(t_decode − f) + E max(l·X, f)) − D·t_decode − b·(l + s)    where the others decode meanwhile

with P₀ = P(X = 0) and f = max(t_decode − s·λ/(1 − P₀), 0): what of the decoding step the prompts do not hide.

Ranks whose requests all start together are alike at first: nobody waits. Lengths that vary make them drift apart
(:func:`drifted_share`); lengths that do not, never. Against a simulation (``tests/cost/serving/systems/``) e2e
and TPOT are within 5 %, where prompts are held back for each other within 10 % (TTFT 40 %). Unequal caches and
batches of the ranks are left out.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
from scipy.special import gammaln, pdtr, pdtrc

from optimoe.arch.parts import MoE
from optimoe.arch.spec import ArchSpec
from optimoe.core.arrays import Flags, Values
from optimoe.cost.engines.engine import Engine
from optimoe.cost.engines.served import as_served
from optimoe.cost.layers.machine import Machine
from optimoe.cost.layers.parts.feedforward import feed_forward
from optimoe.cost.serving.step import prefill_step
from optimoe.cost.serving.workload import Workload

CELLS = 64
"""Cells of work for which tails are added up: 1 % of the mean of the maximum."""

DRIFT = 9.2
"""How fast the wait grows with the drift of requests, in shares of a round: fitted to the simulation, runs of 3 to
30 rounds with spreads of 0.06 to 0.3."""

ALMOST = 1 - 1e-9
"""A queue is never busier than this, so that a finite Poisson mean has it."""


@dataclass(frozen=True, kw_only=True)
class LockStep:
    """Ranks that end every step together, and how they read prompts. Numbers, or arrays over deployments.

    Attributes:
        ranks: R, those with requests.
        chunk_prompts: c, prompts that one step of a rank can take in; below 1 a prompt takes several steps.
        own_share: Share of a prompt's seconds for which its rank works alone, l/(l + s).
        first: Waiting prompts are read before any further token of their rank is decoded.
        stop: Then no rank decodes while any reads, as engines must with drafts.
        align_steps: Most steps for which prompts are held back until every rank has some; 0 is not at all.
    """

    ranks: Values = 1
    chunk_prompts: Values = 1.0
    own_share: Values = 1.0
    first: Flags = False
    stop: Flags = False
    align_steps: Values = 0

    @classmethod
    def of(cls, machine: Machine, engine: Engine, arch: ArchSpec, workload: Workload) -> "LockStep":
        """The attention ranks of a deployment.

        SGLang lets ranks decode while others read, unless drafts are verified (sgl-project/sglang,
        ``srt/managers/scheduler.py``, ``get_next_batch_to_run``); vLLM and TensorRT-LLM let prompts ride on
        decoding steps. A prompt of which one token is computed is work like a decoding request's: nobody waits.
        """
        if workload.prefill_tokens == 1 or not np.any(np.asarray(machine.layout.attention_ranks) > 1):
            return ALONE
        return cls(
            ranks=machine.layout.attention_ranks,
            chunk_prompts=engine.chunk_tokens / workload.prefill_tokens,
            own_share=own_share(machine, engine, arch, workload.prefill_tokens),
            first=engine.prefill_first,
            stop=engine.prefill_first and engine.draft_tokens > 0,
            align_steps=engine.align_steps,
        )

    def at(self, batch: Values) -> "LockStep":
        """The ranks that have requests, where there is less than one for each."""
        if self is ALONE:
            return self
        return replace(self, ranks=np.maximum(self.ranks * np.minimum(batch, 1.0), 1.0))


ALONE = LockStep()
"""Independent replicas: nobody waits."""


def stacked(locks: Sequence[LockStep]) -> LockStep:
    """Many deployments' ranks as arrays, in their order."""
    names = [field.name for field in fields(LockStep)]
    return LockStep(**{name: np.array([getattr(lock, name) for lock in locks]) for name in names})


def own_share(machine: Machine, engine: Engine, arch: ArchSpec, tokens: int) -> Values:
    """Share of a prompt's seconds for which its attention rank works alone: all but the routed experts.

    That of a full chunk at least, where what a token adds is arithmetic and not the reading of weights.
    """
    length, chunk = max(tokens, engine.chunk_tokens), engine.chunk_tokens
    machine, arch = as_served(machine, engine, arch)
    together_s = engine.prefill_scale * length / chunk * experts_s(machine, arch, chunk)
    return np.clip(1 - together_s / prefill_step(machine, engine, arch, length).total_s, 0.0, 1.0)


def experts_s(machine: Machine, arch: ArchSpec, tokens: Values) -> Values:
    """Seconds of the routed experts in a pass over ``tokens`` of every attention rank: all ranks share them."""
    total_s: Values = 0.0
    for group in arch.layers:
        for ffn in group.feed_forwards:
            if isinstance(ffn, MoE):
                for kernel in feed_forward(ffn, machine, arch.d_model, tokens, group.precisions):
                    if kernel.reads in ("experts", "host"):
                        total_s = total_s + group.num_layers * kernel.share * machine.time(kernel).total_s
    return total_s


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """Seconds that one request of a rank waits for other ranks.

    Attributes:
        held_s: Before its prompt is read, until the other ranks have prompts too.
        stall_s: In the steps of its whole stay.
    """

    held_s: Values
    stall_s: Values


def waiting(
    lock: LockStep, *, running: Values, decode_steps: Values, decode_s: Values, prompt_s: Values
) -> Waiting:
    """What a request of ``running`` on a rank waits for the others, in a steady state.

    Args:
        lock: The ranks.
        running: b, requests of each rank.
        decode_steps: D, steps in which a request decodes after its first token.
        decode_s: Seconds of a decoding step.
        prompt_s: Seconds of a prompt, l + s.
    """
    shared = np.asarray(lock.ranks) > 1
    if not np.any(shared):
        return Waiting(held_s=0.0, stall_s=0.0)
    kind = np.where(lock.first, np.where(lock.stop, 2, 1), 0)
    codes, (ranks, batch, steps, chunk, align, kinds) = _distinct(
        lock.ranks, running, np.maximum(decode_steps, 1.0), lock.chunk_prompts, lock.align_steps, kind
    )
    work = _work_of(kinds, batch, steps, chunk, ranks, align)
    tail_R, tail_1 = _tails(work, ranks), _tails(work, np.ones_like(ranks))
    scale = work.prompts / np.maximum(tail_1[:, 0], 1e-300)
    own_s = lock.own_share * prompt_s
    together_s = prompt_s - own_s
    mean = work.prompts[codes]
    idle = ((1 - work.tail[:, 0]) ** ranks)[codes]  # nobody reads
    floor_s = np.where(kind == 1, np.maximum(decode_s - together_s * mean / (1 - idle), 0.0), 0.0)
    floor = np.minimum(floor_s / np.maximum(own_s, 1e-12), work.most[codes])
    most_s = np.maximum(own_s * (floor + _beyond(tail_R * scale[:, None], work.most, codes, floor)), floor_s)
    beside_s = np.where(kind == 1, together_s * mean + most_s + idle * (decode_s - floor_s), most_s - own_s * mean)
    round_s = np.where(kind == 1, steps[codes] * decode_s + batch[codes] * prompt_s, 0.0)
    stall_s = np.maximum(work.steps[codes] * beside_s - round_s, 0.0)
    held_s = work.held_steps[codes] * decode_s
    return Waiting(held_s=np.where(shared, held_s, 0.0)[()], stall_s=np.where(shared, stall_s, 0.0)[()])


def drifted_share(rounds: Values, spread: Values) -> Values:
    """Share of the steady state's wait in a run whose requests all start together, over its rounds 0 to r − 1.

    After k rounds the requests of a place have drifted by σ = spread·√k rounds; the wait of round k is taken as
    1 − e^(−9.2·σ) of the steady one, and its mean over the rounds by the integral of e^(−a·√k):

        share = (r − 1 − G(½) + G(r − ½))/r,   G(k) = 2·(1 + a·√k)·e^(−a·√k)/a²,   a = 9.2·spread

    Args:
        rounds: r; infinite is the steady state, 1.
        spread: Standard deviation over mean of the lengths; where it is 0 they never drift, and the share is 0.
    """
    pace = np.maximum(DRIFT * np.asarray(spread, dtype=float), 1e-3)
    known = np.where(np.isinf(rounds), 1.0, rounds)

    def rest(number: Values) -> Values:
        drift = pace * np.sqrt(number)
        return 2 * (1 + drift) * np.exp(-drift) / pace**2

    share = np.maximum(known - 1 - rest(0.5) + rest(known - 0.5), 0.0) / known
    return np.where(np.asarray(spread) > 0, np.where(np.isinf(rounds), 1.0, share), 0.0)[()]


@dataclass(frozen=True, kw_only=True)
class _Work:
    """Prompt work of one rank in a step that takes prompts in, for many cases (one row each).

    ``tail`` is the chance of more work than the middle of each of :data:`CELLS` equal cells up to ``most``;
    ``steps`` is how many such steps a round has, ``held_steps`` how long a prompt is held back.
    """

    steps: np.ndarray
    prompts: np.ndarray
    most: np.ndarray
    tail: np.ndarray
    held_steps: np.ndarray


def _riding(
    batch: np.ndarray, steps: np.ndarray, chunk: np.ndarray, ranks: np.ndarray, align: np.ndarray
) -> _Work:
    """Prompts in decoding steps, in every one or in those to which they are held back.

    Held back until all R ranks have one, for at most T steps, they are read every
    τ = Σ_{t<T} 1 − (1 − e^(−λ(t+1)))^R steps, but often enough for all. A prompt then waits (τ − 1)/2 steps and,
    u = λτ/c being the share of a full chunk that comes in that time, τ·u/(2(1 − u)) behind others (M/D/1). Where
    the chunk is full that is a queue of ranks of which none is empty in one step of τ: geometric, so that
    (1 − p)/p prompts stand in it, p = 1 − τ^(−1/R).
    """
    reading = np.maximum(np.ceil(1 / chunk), 1.0)
    round_steps, load = steps + reading, batch / chunk
    square = round_steps - (batch - 1) / (2 * batch) / chunk
    linear = round_steps + load
    busy = np.minimum(2 * load / (linear + np.sqrt(np.maximum(linear**2 - 4 * square * load, 0.0))), ALMOST)
    rate = busy * chunk
    every = np.ones_like(rate)
    for step in range(1, int(np.max(align, initial=0))):
        every = every + np.where(step < align, 1 - (-np.expm1(-rate * step)) ** ranks, 0.0)
    full = np.minimum(rate * every / chunk, ALMOST)
    every = np.where(align > 0, np.clip(every, 1.0, np.maximum(chunk / rate * ALMOST, 1.0)), 1.0)
    empty = np.maximum(1 - every ** (-1 / ranks), 1e-9)
    queue = np.minimum((1 - empty) / empty, (batch - 1) / 2)
    behind = np.minimum(every * full / (2 * (1 - full)), queue / rate)
    held = np.where(align > 0, (every - 1) / 2 + behind, 0.0)
    total = batch / rate + held
    prompts = np.minimum(batch / total * every, chunk * ALMOST)
    mean = _poisson_mean(prompts, chunk)
    most = np.minimum(chunk, _reach(mean))
    return _Work(
        steps=total / every,
        prompts=prompts,
        most=most,
        tail=_exceeded(mean, most),
        held_steps=held,
    )


def _reading(batch: np.ndarray, steps: np.ndarray, chunk: np.ndarray) -> _Work:
    """Prompts in steps of their own, rank by rank: H(x) steps with more than x prompts after a decoding step."""
    ended = batch / steps
    most = np.minimum(chunk, _reach(ended))
    middles = _middles(most)
    after, following = np.zeros_like(middles), np.zeros_like(ended)
    for number in range(1, int(np.max(_reach(ended), initial=1)) + 1):
        chance = np.exp(number * np.log(ended) - ended - gammaln(number + 1))
        after += chance[:, None] * np.ceil(np.maximum(number - middles, 0.0) / chunk[:, None])
        following += chance * np.ceil(number / chunk)
    total = steps * (1 + following)
    return _Work(
        steps=total,
        prompts=batch / total,
        most=most,
        tail=after / (1 + following)[:, None],
        held_steps=np.zeros_like(ended),
    )


def _stopping(batch: np.ndarray, steps: np.ndarray) -> _Work:
    """All prompts that a decoding step set free, before the next one."""
    ended = batch / steps
    most = _reach(ended)
    tail = _exceeded(ended, most)
    return _Work(steps=steps, prompts=ended, most=most, tail=tail, held_steps=np.zeros_like(ended))


def _work_of(
    kinds: np.ndarray,
    batch: np.ndarray,
    steps: np.ndarray,
    chunk: np.ndarray,
    ranks: np.ndarray,
    align: np.ndarray,
) -> _Work:
    """Each row by its scheduler: prompts ride on decoding steps (0), are read first (1), or stop them (2)."""
    found: dict[str, np.ndarray] = {}
    for kind in np.unique(kinds).tolist():
        own = kinds == kind
        if kind == 0:
            work = _riding(batch[own], steps[own], chunk[own], ranks[own], align[own])
        elif kind == 1:
            work = _reading(batch[own], steps[own], chunk[own])
        else:
            work = _stopping(batch[own], steps[own])
        for column in fields(work):
            values = getattr(work, column.name)
            found.setdefault(column.name, np.empty((len(kinds), *values.shape[1:])))[own] = values
    return _Work(**found)


def _tails(work: _Work, ranks: np.ndarray) -> np.ndarray:
    """E(X − x)⁺ at both ends of every cell, X the most of so many ranks."""
    more = 1 - (1 - np.minimum(work.tail, 1.0)) ** ranks[:, None]
    width = (work.most / CELLS)[:, None]
    left = np.cumsum((more * width)[:, ::-1], axis=1)[:, ::-1]
    return np.concatenate([left, np.zeros((len(left), 1))], axis=1)


def _beyond(tails: np.ndarray, most: np.ndarray, codes: np.ndarray, floor: Values) -> Values:
    """E(X − floor)⁺, between the ends of the cells."""
    at = np.clip(floor / most[codes] * CELLS, 0, CELLS)
    cell = np.minimum(at.astype(int), CELLS - 1)
    low, high = tails[codes, cell], tails[codes, cell + 1]
    return low + (at - cell) * (high - low)


def _poisson_mean(prompts: np.ndarray, chunk: np.ndarray) -> np.ndarray:
    """The μ for which E min(c, A) is ``prompts``: with K = ⌊c⌋, μ·P(A < K) + c·P(A > K), by Newton from below.

    The expectation grows with μ, ever slower, by P(A < K) + (c − K)·P(A = K): no step from below goes beyond.
    """
    whole, mean = np.floor(chunk), prompts
    for _ in range(MOST_NEWTON):
        less = np.where(whole > 0, pdtr(np.maximum(whole - 1, 0), mean), 0.0)
        more = pdtrc(whole, mean)
        slope = less + (chunk - whole) * np.maximum(1 - less - more, 0.0)
        step = (prompts - mean * less - chunk * more) / np.maximum(slope, 1e-300)
        mean = mean + np.maximum(step, 0.0)
        if np.all(step <= 1e-14 * mean):
            break
    return mean


MOST_NEWTON = 100
"""Steps of Newton; a handful is usual, some thirty where all but one in 10^9 chunks are full."""


def _exceeded(mean: np.ndarray, most: np.ndarray) -> np.ndarray:
    """Chances that a Poisson number is above the middle of each cell between none and the most, a row each."""
    numbers = np.floor(_middles(most)).astype(int)
    if numbers.max(initial=0) >= CELLS:
        return np.asarray(pdtrc(numbers, mean[:, None]))
    every = pdtrc(np.arange(numbers.max(initial=0) + 1), mean[:, None])  # fewer than there are cells
    return np.take_along_axis(every, numbers, axis=1)


def _reach(mean: np.ndarray) -> np.ndarray:
    """A number that a Poisson number of this mean exceeds with less than 1 in 10^9, even the most of many."""
    return np.ceil(mean + 8 * np.sqrt(mean) + 10)


def _middles(most: np.ndarray) -> np.ndarray:
    """Middles of the cells between no work and the most, a row each."""
    return (np.arange(CELLS) + 0.5) / CELLS * most[:, None]


def _distinct(*values: Values) -> tuple[np.ndarray, list[np.ndarray]]:
    """The different combinations of some arrays, one array a value, and which of them stands where.

    A sweep has few of them: only what a step counts, not what a design takes.
    """
    code, radix, levels = np.zeros((), dtype=np.int64), 1, []
    for value in values:
        numbers = np.asarray(value, dtype=float)
        first = numbers.reshape(-1)[:1]
        level = first if np.all(numbers == first) else np.unique(numbers)
        code = code + radix * np.searchsorted(level, numbers)
        radix *= len(level)
        levels.append(level)
    found = np.unique(code)
    columns, rest = [], found
    for level in levels:
        columns.append(level[rest % len(level)])
        rest = rest // len(level)
    return np.asarray(np.searchsorted(found, code)), columns
