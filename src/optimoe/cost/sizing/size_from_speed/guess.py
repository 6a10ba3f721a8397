"""The largest models that can be served as observed, with their bands and what binds them."""

from collections.abc import Collection, Sequence

import numpy as np

from optimoe.core.errors import InfeasibleError, InputError
from optimoe.core.grid import take
from optimoe.core.units import format_count, format_seconds, format_usd
from optimoe.cost.published.epoch_rules import fast_decode_params
from optimoe.cost.serving.estimate import Deployment
from optimoe.cost.sizing.feasibility import feasibility
from optimoe.cost.sizing.size_from_speed.ladder import ExpertCount, Ladder, TypicalShape
from optimoe.cost.sizing.size_from_speed.observed import Guess, Move, Observed, SizesFromSpeed
from optimoe.cost.sizing.size_from_speed.unknowns import Assumed, Unknown, band, moves


def size_from_speed(
    observed: Observed,
    deployment: Deployment,
    kinds: Sequence[ExpertCount],
    shape: TypicalShape | None = None,
    stated: Collection[Unknown] = (),
) -> SizesFromSpeed:
    """The largest total and active sizes, dense and by sparsity, that an observed speed and price allow.

    Args:
        observed: Speed, price, and what is known of margin, utilisation and batch.
        deployment: GPUs, price of an hour, requests and engine. Smaller deployments are among its layouts, as
            copies side by side.
        kinds: Numbers of experts to answer for beside the dense model, which comes first in the answer.
        shape: What the models of the ladder have in common; that of ``TypicalShape`` if left out.
        stated: What is known, and is not put in another way.

    Raises:
        InfeasibleError: No model with any of these experts can be served as observed; says which limit binds.
        InputError: A price is observed and that of a GPU hour is not known, or the GPUs lack the precision.
    """
    accelerator = deployment.cluster.accelerator.name
    if np.isfinite(observed.usd_per_mtok) and np.isnan(deployment.price.usd_per_gpu_hour):
        raise InputError(f"gpu_usd_per_hour: must be given, no list price of {accelerator} is known")
    base = Assumed(observed=observed, deployment=deployment, shape=shape or TypicalShape())
    every = [ExpertCount(), *(kind for kind in dict.fromkeys(kinds) if not kind.dense)]
    central = base.climb(every)
    if all(ladder.last(base.cost_usd_per_mtok) < 0 for ladder in central):
        raise InfeasibleError(_why_nothing(base, central[0]))
    moved = tuple(moves(base, every, central, stated))
    dense, _ = central[0].sizes(base.cost_usd_per_mtok)
    guesses = tuple(_guess(base, ladder, at, dense, moved) for at, ladder in enumerate(central))
    return SizesFromSpeed(observed=observed, deployment=deployment, shape=base.shape, guesses=guesses, moves=moved)


def _guess(base: Assumed, ladder: Ladder, at: int, dense: float, moved: Sequence[Move]) -> Guess:
    experts, last = ladder.experts, ladder.last(base.cost_usd_per_mtok)
    total, active = ladder.sizes(base.cost_usd_per_mtok)
    total_low, total_high = band(total, [move.params_total[at] for move in moved])
    active_low, active_high = band(active, [move.params_active[at] for move in moved])
    return Guess(
        experts=experts,
        params_total=total,
        params_total_low=total_low,
        params_total_high=total_high,
        params_active=active,
        params_active_low=active_low,
        params_active_high=active_high,
        # the article's rule turned around: its dense equivalent is proportional to P
        rule_params_total=dense / fast_decode_params(1.0, experts.num_experts, experts.top_k),
        bound_by=_bound_by(base, ladder, last)[0],
        model=take(ladder.models, last) if last >= 0 else None,
        serving=take(ladder.serving, last) if last >= 0 else None,
    )


def _bound_by(base: Assumed, ladder: Ladder, last: int) -> tuple[str, float]:
    """What keeps the next larger model out, and what it would need: seconds of a token, or dollars."""
    if last == ladder.num_rungs - 1:
        return "the end of the ladder", np.inf
    limits = base.limited.limits
    larger = ladder.models.at(slice(last + 1, last + 2))
    reached = feasibility(larger, base.limited, concurrency=base.observed.concurrency or None)
    tpot_s, ttft_s = float(np.min(reached.least_tpot_s)), float(np.min(reached.least_ttft_s))
    if not np.all(reached.fits):
        return "memory", np.nan
    if tpot_s > limits.tpot_s:
        return "speed", tpot_s
    if ttft_s > limits.ttft_s:
        return "ttft", ttft_s
    return "price", float(take(ladder.serving, last + 1).usd_per_mtok)


def _why_nothing(base: Assumed, ladder: Ladder) -> str:
    """One line on why not even the smallest dense model is served as observed, and what would lift it."""
    name, needed = _bound_by(base, ladder, -1)
    smallest = f"the smallest typical model, {format_count(ladder.params(0)[0])} dense,"
    if name == "memory":
        return f"memory: {smallest} does not fit: take more GPUs, or lower --concurrency"
    if name == "speed":
        return (
            f"speed: {smallest} reaches {1 / needed:.0f} tokens/s of {base.observed.tokens_per_s:g}: take faster "
            "or more GPUs, a lower --precision or --concurrency, or --draft-tokens"
        )
    if name == "ttft":
        return f"ttft: {smallest} has its first token after {format_seconds(needed)}: raise --ttft"
    return (
        f"price: {smallest} costs {format_usd(needed)} per M output tokens, above the "
        f"{format_usd(base.cost_usd_per_mtok)} that the price leaves: lower --margin or the price of a GPU hour"
    )
