"""Requests and levels as tests need them."""

from dataclasses import replace

from optimoe.loadtest.results.level import LevelRun
from optimoe.loadtest.results.quantiles import quantiles
from optimoe.loadtest.results.summary import LevelSummary
from optimoe.loadtest.results.timing import RequestTiming
from optimoe.loadtest.workload import ClosedLoop


def timing(index, *, sent_s=0.0, ttft_s=0.1, gap_s=0.01, tokens=11, chunks=None, **others):
    """A request that was answered with equal gaps."""
    chunks = tokens if chunks is None else chunks
    gaps = (gap_s * (tokens - 1) / max(1, chunks - 1),) * (chunks - 1)
    last = sent_s + ttft_s + gap_s * (tokens - 1)
    return replace(
        RequestTiming(
            index=index, due_s=sent_s, sent_s=sent_s, first_byte_s=sent_s + ttft_s, first_token_s=sent_s + ttft_s,
            last_token_s=last, ended_s=last + 0.001, gaps_s=gaps,
            aimed_input_tokens=100, aimed_output_tokens=tokens, input_tokens=100, output_tokens=tokens,
            usage_tokens=tokens, chunks=chunks, status=200,
        ),
        **others,
    )  # fmt: skip


def failed(index, error="http_500", **others):
    """A request that was not."""
    return RequestTiming(index=index, sent_s=0.0, ended_s=0.001, error=error, status=500, **others)


def run(timings, **others):
    """A level of these requests."""
    usual = LevelRun(
        number=0,
        load=ClosedLoop(concurrency=2),
        began_utc="2026-01-02T03:04:05+00:00",
        timings=tuple(timings),
        cpu_share=0.1,
        delays_s=(0.0,),
    )
    return replace(usual, **others)


def summary(**others):
    """A level in figures."""
    usual = LevelSummary(
        tool="optimoe", measured_utc="2026-01-02T03:04:05+00:00", model="one", api="completions", completed=4,
        total_input_tokens=400, total_output_tokens=44, ttft=quantiles([0.1, 0.2]), tpot=quantiles([0.01, 0.02]),
        itl=quantiles([0.01]), e2e=quantiles([0.2, 0.4]), request_throughput=10.0,
    )  # fmt: skip
    return replace(usual, **others)
