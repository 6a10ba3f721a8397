"""The learning rate along a run."""

import math

from optimoe.core.run import Schedule


def rate_at(schedule: Schedule, tokens: float, done: float) -> float:
    """The rate after ``done`` of ``tokens``: linear warm-up, then constant, then a decay to the final share.

    With p the part of the cooldown that is over, the rate is peak·(1 − (1 − f)·p) for a linear decay and
    peak·(f + (1 − f)·(1 + cos πp)/2) for a cosine, f the final share.
    """
    peak, warmup, final = schedule.peak_rate, schedule.warmup_tokens, schedule.final_share
    if done < warmup:
        return peak * done / warmup
    cooldown = schedule.cooldown_share * (tokens - warmup)
    over = 1 - (tokens - done) / cooldown if cooldown else 0.0
    over = min(1.0, max(0.0, over))
    if schedule.kind == "linear":
        return peak * (1 - (1 - final) * over)
    return peak * (final + (1 - final) * (1 + math.cos(math.pi * over)) / 2)
