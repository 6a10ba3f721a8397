"""Requests of a level become figures."""

import math
from collections import Counter
from collections.abc import Sequence
from itertools import accumulate

import numpy as np

from optimoe.loadtest.figures.notes import notes_on
from optimoe.loadtest.figures.steady import settled_after
from optimoe.loadtest.results.level import LevelRun
from optimoe.loadtest.results.quantiles import quantiles
from optimoe.loadtest.results.summary import UNKNOWN, ClientLoad, LevelSummary, Steadiness
from optimoe.loadtest.results.timing import RequestTiming
from optimoe.loadtest.workload import Arriving, LoadPlan, OpenLoop

GIVEN_UP = "cancelled"
"""What we ended ourselves has neither failed nor been answered."""


def summarise(run: LevelRun, plan: LoadPlan, model: str, api: str) -> LevelSummary:
    """Put a level in figures.

    Latencies, and the totals of tokens, are of the measured requests that were answered, without those before the
    level had settled (:func:`settled_after`). Throughputs are of whatever the endpoint gave between the sending of
    the first and the end of the last of these, so that they hold the load which is kept up beside them.

    Args:
        run: The level.
        plan: What it is part of.
        model: Name of the model at the server.
        api: The API that was asked.
    """
    measured = sorted((one for one in run.timings if one.phase == "measured"), key=lambda one: one.index)
    finished = [one for one in measured if one.error != GIVEN_UP]
    cut, steadiness = _settled(run.load, [one for one in finished if one.is_good])
    if cut:
        first = [one for one in finished if one.is_good][cut].index
        finished = [one for one in finished if one.index >= first]
    good = [one for one in finished if one.is_good]
    kept = [one for one in good if is_within(one, plan)]
    begin, end = _window(finished)
    seconds = end - begin or UNKNOWN
    chunks, tokens = sum(one.chunks for one in good), sum(one.output_tokens for one in good)
    per_token = chunks / tokens if tokens else UNKNOWN
    ended = [one for one in run.timings if one.is_good and begin <= one.ended_s <= end]
    came = _tokens_between(run.timings, begin, end, per_token)
    read = sum(one.input_tokens for one in run.timings if begin <= one.first_token_s <= end)
    summary = LevelSummary(
        tool="optimoe",
        measured_utc=run.began_utc,
        model=model,
        api=api,
        load=run.load,
        completed=len(good),
        failed=len(finished) - len(good),
        errors=dict(Counter(one.error for one in finished if not one.is_good)),
        duration_s=seconds,
        total_input_tokens=sum(one.input_tokens for one in good),
        total_output_tokens=tokens,
        request_throughput=len(ended) / seconds,
        request_goodput=sum(is_within(one, plan) for one in ended) / seconds,
        within_limits=len(kept) / len(finished) if finished else UNKNOWN,
        output_throughput=came / seconds,
        total_token_throughput=(came + read) / seconds,
        ttft=quantiles(one.ttft_s for one in good),
        tpot=quantiles(one.tpot_s for one in good),
        itl=quantiles(gap for one in good for gap in one.gaps_s),
        e2e=quantiles(one.e2e_s for one in good),
        chunks_per_token=per_token,
        token_source="chunks" if any(one.token_source == "chunks" for one in good) else "usage",
        reconnects=sum(one.reconnects for one in run.timings),
        client=_client(run),
        steadiness=steadiness,
        num_before=sum(one.phase == "ramp" for one in run.timings),
        settled_after=cut,
        fixed_lengths=plan.input_lengths.is_fixed and plan.output_lengths.is_fixed,
    )
    return notes_on(summary, run, good)


def _settled(load: Arriving, good: Sequence[RequestTiming]) -> tuple[int, Steadiness]:
    """How many of the answered requests came before the level had settled, by seconds a token.

    Requests of a trace, or that were all sent at once, are no steady load: there is nothing to settle.
    """
    if isinstance(load, OpenLoop) and load.is_whole:
        return 0, "unjudged"
    return settled_after([one.e2e_s / max(1, one.output_tokens) for one in good])


def is_within(one: RequestTiming, plan: LoadPlan) -> bool:
    """Whether a request was answered within the limits; one of a single token has no TPOT to keep."""
    return one.is_good and one.ttft_s <= plan.ttft_s and not one.tpot_s > plan.tpot_s


def _window(finished: Sequence[RequestTiming]) -> tuple[float, float]:
    """From the sending of the first to the end of the last."""
    sent = [one.sent_s for one in finished if not math.isnan(one.sent_s)]
    if not sent:
        return UNKNOWN, UNKNOWN
    return min(sent), max(one.ended_s for one in finished if not math.isnan(one.sent_s))


def _tokens_between(timings: Sequence[RequestTiming], begin: float, end: float, chunks_per_token: float) -> float:
    """Tokens that came in a time, of all requests: each chunk as the mean of its answer.

    Of an answer that was given up, or failed, tokens are not known: its chunks are as those of the others.
    """
    total = 0.0
    for one in timings:
        if not one.chunks:
            continue
        stamps = np.fromiter(accumulate(one.gaps_s, initial=one.first_token_s), dtype=float)
        inside = int(np.count_nonzero((begin <= stamps) & (stamps <= end)))
        known = one.is_good or math.isnan(chunks_per_token)
        total += inside * (one.output_tokens / one.chunks if known else 1 / chunks_per_token)
    return total


def _client(run: LevelRun) -> ClientLoad:
    """How busy the client was."""
    late = [one.sent_s - one.due_s for one in run.timings if one.phase != "warmup" and one.status]
    delay, late_by = quantiles(run.delays_s), quantiles(late)
    return ClientLoad(
        cpu_share=run.cpu_share,
        delay_median_s=delay.median,
        delay_p99_s=delay.at(99.0).value,
        stamped_by="kernel" if run.by_kernel else "poll",
        late_median_s=late_by.median,
        late_p99_s=late_by.at(99.0).value,
    )
