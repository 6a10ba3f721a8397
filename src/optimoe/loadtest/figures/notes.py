"""What must be known of the figures of a level."""

from collections.abc import Sequence
from dataclasses import replace

from optimoe.loadtest.figures.steady import LEAST
from optimoe.loadtest.results.level import LevelRun
from optimoe.loadtest.results.summary import LevelSummary
from optimoe.loadtest.results.timing import RequestTiming

BUSY_SHARE = 0.8
"""A client that uses so much of the core that its event loop has is the limit itself."""

MOST_OF_LATENCY = 0.05
"""A client whose own delay is so much of the median gap or of the median TTFT is seen in them."""

LATE_S = 0.01
"""Requests that are sent later than this behind their time are another load than was asked for."""

SHORTER = 0.95
"""Answers shorter than this share of what was asked were ended by the model."""


TOGETHER = 0.05
"""Chunks of which a larger share has the stamp of the one before have no times of their own."""

CACHED = 0.02
"""Prompts of which the server had a larger share in its cache are not computed whole."""


def notes_on(summary: LevelSummary, run: LevelRun, good: Sequence[RequestTiming]) -> LevelSummary:
    """A summary with its notes, the gravest first."""
    found = [*_ends(run), *_client(summary), *_counts(summary, good), *_course(summary)]
    return replace(summary, notes=tuple(found))


def _ends(run: LevelRun) -> list[str]:
    found = []
    if run.gone:
        found.append("the endpoint went away; figures are of what it answered before")
    if run.interrupted:
        found.append("interrupted; figures are of what was answered before")
    return found


def _client(summary: LevelSummary) -> list[str]:
    """Whether the client was the limit."""
    client, found = summary.client, []
    if client.cpu_share > BUSY_SHARE:
        found.append(
            f"the client is the limit: it used {client.cpu_share:.0%} of its core (several clients, or less load)"
        )
    for name, latency in (("gap between chunks", summary.itl.median), ("TTFT", summary.ttft.median)):
        if client.stamped_by == "poll" and client.delay_median_s > MOST_OF_LATENCY * latency:
            found.append(f"the client's own delay, {1e3 * client.delay_median_s:.2g} ms, is in the {name}")
            break
    if client.late_median_s > LATE_S:
        found.append(
            f"requests were sent {1e3 * client.late_median_s:.2g} ms late, the half of them: a lower load"
        )
    return found


def _counts(summary: LevelSummary, good: Sequence[RequestTiming]) -> list[str]:
    """Who counted tokens, and what chunks hold."""
    found = []
    silent = sum(not one.usage_tokens for one in good)
    wrong = sum(one.token_source == "chunks" and one.usage_tokens > 0 for one in good)
    longer = sum(one.usage_tokens > one.aimed_output_tokens for one in good)
    aimed = sum(one.aimed_output_tokens for one in good)
    if silent:
        found.append(f"{silent} of {len(good)} answers came without usage: their chunks are taken for tokens")
    if wrong:
        found.append(
            f"{wrong} of {len(good)} answers came in more chunks than the server counted tokens: "
            "their chunks are taken for tokens"
        )
    if longer:
        found.append(f"{longer} of {len(good)} answers were longer than asked for, as the server counts")
    whole = sum(one.chunks == 1 < one.output_tokens for one in good)
    if whole:
        found.append(f"{whole} of {len(good)} answers came in one piece: they have no TPOT")
    if summary.chunks_per_token < SHORTER:
        found.append(
            f"a chunk holds {1 / summary.chunks_per_token:.3g} tokens: gaps between chunks are of several tokens"
        )
    if good and summary.total_output_tokens < SHORTER * aimed:
        found.append(
            f"answers had {summary.mean_output_tokens:.4g} tokens in place of {aimed / len(good):.4g}: "
            "the model ended them, or the server cut them"
        )
    gaps = [gap for one in good for gap in one.gaps_s]
    if gaps and (together := gaps.count(0.0) / len(gaps)) > TOGETHER:
        found.append(
            f"{together:.0%} of the chunks were read with the one before: sent so, or the client was held up"
        )
    cached, asked = sum(one.cached_tokens for one in good), sum(one.input_tokens for one in good)
    if cached > CACHED * asked:
        found.append(f"the server had {cached / asked:.0%} of the prompts' tokens in its prefix cache")
    empty = sum(one.empty_chunks > 0 for one in good)
    if empty:
        found.append(
            f"{empty} of {len(good)} answers began with events that carry nothing: if these stand for tokens "
            "whose text was held back, TTFT ends a token late"
        )
    return found


def _course(summary: LevelSummary) -> list[str]:
    """Whether the level was steady."""
    if summary.steadiness == "drifting":
        return [
            "latencies drift over the whole level: no steady state, as where more is asked than can be answered"
        ]
    if summary.steadiness == "unjudged" and summary.completed < LEAST:
        return [f"{summary.completed} answers are too few to tell a steady state, which takes {LEAST}"]
    if summary.settled_after:
        return [f"the first {summary.settled_after} measured requests are left out: the load had not settled"]
    return []
