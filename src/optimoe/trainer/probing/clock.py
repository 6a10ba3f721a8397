"""Seconds of a call: the best of several rounds, since what disturbs only slows."""

from collections.abc import Callable

import torch

from optimoe.trainer.device import clock_of, wait_for

_ROUNDS = 7
_LEAST_S = 1e-3
"""A round repeats its call until it has lasted so long."""


def best_s(call: Callable[[], object], device: torch.device, rounds: int = 0) -> float:
    """Seconds of one call in the fastest of some rounds, 7 unless stated, after two calls that do not count."""
    call()
    once = _round_s(call, device, 1)
    calls = max(1, round(_LEAST_S / once))
    return min(_round_s(call, device, calls) for _ in range(rounds or _ROUNDS))


def _round_s(call: Callable[[], object], device: torch.device, calls: int) -> float:
    clock = clock_of(device)
    wait_for(device)
    start = clock()
    for _ in range(calls):
        call()
    wait_for(device)
    return (clock() - start) / calls
