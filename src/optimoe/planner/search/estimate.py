"""What designs that nobody priced would give: a roofline, corrected by what was priced, with a margin.

A search needs to know what not to price. The roofline of a deployment is coarse by a factor of two; its error is
smooth in the design, so a ridge regression on those that were priced leaves some percent near the best, and near
designs tell most of the rest. The margin is twice the error that each priced design has when it is left out (Cook
and Weisberg 1982, e/(1 − h)), or by what near ones leave open, the less of the two.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, get_args

import numpy as np
from jaxtyping import Bool, Float

from optimoe.cost.serving.estimate import Deployment
from optimoe.planner.problem.kinds import AttentionKind
from optimoe.planner.search.listing import Index, Listing, Loads, loads
from optimoe.planner.search.looked import Rates

Features = Float[np.ndarray, "designs features"]

REACHED, COMPUTED, LAYER_S = 0.7, 0.5, 30e-6
"""Shares of the bandwidth and of the peak, and seconds of a layer, at which a roofline begins (assumed: the
regression on what was priced corrects them)."""

USABLE = 0.9
"""Share of a GPU's memory for weights and cache, likewise; what fits is looked up when a design is priced."""

UNSEEN = math.log(2)
"""Margin of a deployment of which nothing was priced: the factor by which a roofline is off (assumed)."""

FEWEST = 12
"""Priced designs from which a deployment has a correction of its own: as many as there are features."""

RIDGE, OWN_RIDGE = 0.1, 2.0
"""Weights of the penalties, in units of one priced design, of the common and the own correction (assumed)."""

NOISE = 0.03
"""What no feature tells of a rate, in its logarithm: whole batches and divisors of layouts (assumed)."""

LENGTHS = (0.3, 0.6, 1.2, 2.4)
"""Distances over which the errors of estimates are alike, of features with spread 1, that are tried."""

MOST_LOCAL, MOST_NEAR = 8_000, 100
"""Designs up to which near ones are asked too, and how many of those, the best: of a round, not the whole list."""

MOST_LEARNED = 3_000
"""Designs from which the utilisation in training is learned, the last priced: of more nothing is gained."""

BISECTIONS = 4
"""Halvings of the logarithm of the batch, from 1 to 2^16; a straight line between the ends is then off by 2 %."""


@dataclass(frozen=True, kw_only=True)
class Rooflines:
    """What each deployment would give with each design, by bandwidth, arithmetic and memory alone.

    Attributes:
        log_rate: Logarithm of the output tokens per second.
        room: Share of the memory that the weights leave; negative where they do not fit.
        tightness: Logarithm of the latency of a single request over its limit, of the tighter limit.
    """

    log_rate: Rates
    room: Rates
    tightness: Rates

    def at(self, designs: Index) -> "Rooflines":
        """Take the rooflines of some of the designs."""
        return Rooflines(**{name: getattr(self, name)[:, designs] for name in ("log_rate", "room", "tightness")})

    def with_more(self, other: "Rooflines") -> "Rooflines":
        """Put the rooflines of further designs behind these."""
        names = ("log_rate", "room", "tightness")
        return Rooflines(
            **{name: np.concatenate([getattr(self, name), getattr(other, name)], axis=1) for name in names}
        )


def rooflines(listing: Listing, deployments: tuple[Deployment, ...], taken: Loads | None = None) -> Rooflines:
    """Rooflines of all designs on all deployments; ``taken`` is their :func:`loads`, where these are known."""
    taken = taken or loads(listing, deployments)
    rows = [_roofline(listing, one, taken.weights[one.engine.execution], taken.held) for one in deployments]
    return Rooflines(
        log_rate=np.stack([row[0] for row in rows]),
        room=np.stack([row[1] for row in rows]),
        tightness=np.stack([row[2] for row in rows]),
    )


def _roofline(
    listing: Listing,
    deployment: Deployment,
    weights: Float[np.ndarray, " designs"],
    held: Mapping[float, Float[np.ndarray, " designs"]],
) -> tuple[Float[np.ndarray, " designs"], ...]:
    """Logarithm of the rate, room and tightness of one deployment.

    A step of b requests reads the weights that they touch and b caches, and computes b tokens and their share of
    the prompts; b is the most that fits and keeps the limit of a token, 1 where the weights do not fit.

    Args:
        listing: The designs.
        deployment: Where they are served.
        weights: Bytes of their weights there.
        held: Bytes of the cache of a sequence, by its length.
    """
    gpu, num_gpus, workload = deployment.cluster.accelerator, deployment.cluster.num_gpus, deployment.workload
    depth = listing.shapes.num_layers * LAYER_S
    per_param = weights / listing.params_total
    bandwidth = gpu.memory_bytes_per_s * REACHED
    peak = max(gpu.peak_flops_per_s.values()) * COMPUTED
    fine = per_param / per_param.max()  # the cache is about as fine as the weights
    room = USABLE - weights / (num_gpus * gpu.memory_bytes)
    one = min(num_gpus, gpu.linked_gpus)
    token_s = listing.params_active * per_param / (one * bandwidth) + depth
    prompt_s = 2 * listing.params_active * workload.prefill_tokens / (one * peak) + depth
    limits = deployment.limits
    tight = np.log(np.maximum(token_s / limits.tpot_s, prompt_s / limits.ttft_s) + 1e-9)
    spare = (listing.params_total - listing.params_active) * per_param / (num_gpus * bandwidth)
    rare = np.maximum(listing.of("num_experts") / listing.of("top_k"), 1.0)
    flops = 2 * listing.params_active * (1 + workload.prefill_tokens / workload.output_tokens)
    fixed_s = listing.params_active * per_param / (num_gpus * bandwidth) + depth
    each_s = held[workload.mean_context] * fine / (num_gpus * bandwidth) + flops / (num_gpus * peak)

    def step_s(batch: np.ndarray, rows: np.ndarray) -> np.ndarray:
        return fixed_s[rows] + batch * each_s[rows] - spare[rows] * np.expm1(-batch / rare[rows])

    fits, batch = np.flatnonzero(room > 0), np.ones(len(listing))
    most = np.maximum(room, 0.0) * num_gpus * gpu.memory_bytes / (held[workload.full_context] * fine)
    batch[fits] = np.clip(most[fits], 1.0, 2.0**16)
    slow = fits[step_s(batch[fits], fits) > limits.tpot_s]
    batch[slow] = _largest_below(limits.tpot_s, lambda tried: step_s(tried, slow), batch[slow])
    return np.log(batch / step_s(batch, np.arange(len(listing)))), room, tight


def _largest_below(limit: float, grows: Callable[[np.ndarray], np.ndarray], high: np.ndarray) -> np.ndarray:
    """Where functions that grow reach a limit that they exceed at ``high``; 1 where they exceed it there too."""
    low, high = np.zeros_like(high), np.log(high)
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        good = grows(np.exp(middle)) <= limit
        low, high = np.where(good, middle, low), np.where(good, high, middle)
    under, over = (grows(np.exp(end)) - limit for end in (low, high))
    share = np.clip(under / np.minimum(under - over, -1e-30), 0.0, 1.0)
    return np.exp(low + np.where(under < 0, share, 0.0) * (high - low))


NUMBERS = 8
"""Features that are numbers, of which utilisation in training goes by the products too; the rest are kinds."""


def features(listing: Listing) -> Features:
    """What a design is made of: logarithms of its numbers, and of which kind it is."""
    hidden = np.maximum(listing.params_total / listing.shapes.d_model / listing.shapes.num_layers, 1.0)
    columns = [
        listing.params_active,
        listing.params_total,
        listing.cache_bytes,
        listing.shapes.d_model,
        listing.shapes.num_layers,
        listing.of("num_experts"),
        listing.of("top_k"),
        hidden,
    ]
    attention = np.array([family.attention for family in listing.families])[listing.of_family]
    kinds = [attention == kind for kind in get_args(AttentionKind)]
    kinds += [listing.of("first_dense_layers") > 0, listing.of("num_shared_experts") > 0]
    return np.hstack([np.log(np.stack(columns, axis=1).astype(float)), np.stack(kinds, axis=1).astype(float)])


@dataclass(frozen=True, kw_only=True)
class Estimated:
    """Estimates of a positive number of each design, and how far off they may be.

    Attributes:
        log: Logarithms; −∞ where it is estimated to be none.
        margin: How far off each may be, in the logarithm.
    """

    log: Float[np.ndarray, "..."]
    margin: Float[np.ndarray, "..."]


def estimated_rates(
    roof: Rooflines,
    designs: Features,
    clusters: Float[np.ndarray, "deployments traits"],
    rates: Rates,
    served: Bool[np.ndarray, "deployments designs"],
    weights: Float[np.ndarray, " designs"],
    *,
    local: bool,
) -> Estimated:
    """Output tokens per second of every deployment with every design, learned from those that were searched.

    Args:
        roof: Rooflines.
        designs: What designs are made of.
        clusters: What deployments are made of, likewise.
        rates: Output tokens per second where they were searched.
        served: Where they were.
        weights: How much the error of each design counts: those near the best decide.
        local: Whether what near designs say of the error that is left counts too.
    """
    log, margin = roof.log_rate, np.full((len(rates), 1), UNSEEN)
    ways, place = np.nonzero(served & (rates > 0))
    if len(place) >= FEWEST:
        every = np.column_stack([np.ones(len(designs)), _standard(designs, place)])
        truth = np.log(rates[ways, place]) - log[ways, place]
        inputs = np.hstack([every[place], np.stack(_own_inputs(roof, (ways, place)), axis=1)])
        learned, left, margin = _learned(inputs, clusters, ways, truth, weights[place])
        log = log + learned[:, : every.shape[1]] @ every.T
        for weight, values in zip(learned[:, every.shape[1] :].T, _own_inputs(roof, ...), strict=True):
            log += weight[:, None] * values
        if local:
            margin = np.broadcast_to(margin, log.shape).copy()
            for way in np.unique(ways).tolist():
                own = np.flatnonzero(ways == way)
                nearest = own[_heaviest(weights[place[own]], MOST_NEAR)]
                near = _local(every[:, 1:], place[nearest], left[nearest])
                log[way] += near.log
                if len(own) >= FEWEST:
                    margin[way] = np.minimum(margin[way], near.margin)
    return Estimated(log=np.where(_serves(roof, rates, served), log, -np.inf), margin=margin)


def _learned(
    inputs: np.ndarray, clusters: np.ndarray, ways: np.ndarray, truth: np.ndarray, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Coefficients of the inputs for each deployment, the errors that they leave, and the margin of each.

    One regression for all deployments together, which their traits enter, and one more for each of enough points.
    """
    width = inputs.shape[1]
    common, errors = _ridge(np.hstack([inputs, clusters[ways]]), truth, weights, RIDGE)
    learned = np.tile(common[:width], (len(clusters), 1))
    learned[:, 0] += clusters @ common[width:]  # the first input is 1
    left, wide = truth - (inputs * learned[ways]).sum(axis=1), 2 * _spread(errors, weights)
    margin = np.empty((len(clusters), 1))
    for way in range(len(clusters)):
        own = np.flatnonzero(ways == way)
        spread = wide
        if len(own) >= FEWEST:
            further, errors = _ridge(inputs[own], left[own], weights[own], OWN_RIDGE)
            learned[way] += further
            left[own] -= inputs[own] @ further
            spread = 2 * _spread(errors, weights[own])
        margin[way] = spread + UNSEEN / (2 + weights[own].sum())
    return learned, left, margin


def _local(designs: Features, place: np.ndarray, left: np.ndarray) -> Estimated:
    """What near designs that were priced say of the error that the regressions leave: a Gaussian process.

    Squared-exponential in the standardised features; of several lengths the one that predicts each priced design
    best from the others (Rasmussen and Williams 2006, Eq. 5.12).
    """
    own = designs[place]
    apart = ((own[:, None, :] - own[None, :, :]) ** 2).sum(axis=2)
    power = float(np.mean(left**2)) + NOISE**2
    best, chosen = math.inf, (LENGTHS[-1], np.eye(len(place)))
    for length in LENGTHS:
        inverse = np.linalg.inv(power * np.exp(-apart / (2 * length**2)) + NOISE**2 * np.eye(len(place)))
        diagonal = np.diagonal(inverse)
        missed = (inverse @ left) / diagonal
        worth = float(np.sum(missed**2 * diagonal - np.log(diagonal)))
        if worth < best:
            best, chosen = worth, (length, inverse)
    length, inverse = chosen
    far = (designs**2).sum(axis=1)[:, None] + (own**2).sum(axis=1)[None, :] - 2 * designs @ own.T
    seen = power * np.exp(-np.maximum(far, 0.0) / (2 * length**2))
    spread = power + NOISE**2 - np.einsum("ij,ij->i", seen @ inverse, seen)
    return Estimated(log=seen @ (inverse @ left), margin=2 * np.sqrt(np.maximum(spread, NOISE**2)))


def cluster_features(deployments: tuple[Deployment, ...]) -> Float[np.ndarray, "deployments traits"]:
    """What deployments are made of, each about 1: logarithms of their GPUs, beyond a node or not, and bits."""
    rows = [
        (
            math.log(one.cluster.num_gpus) / 2,
            float(one.cluster.num_gpus > one.cluster.accelerator.linked_gpus),
            float(one.engine.execution.precision not in ("auto", "bf16")),
        )
        for one in deployments
    ]
    return np.array(rows)


def _own_inputs(roof: Rooflines, which: Any) -> list[np.ndarray]:
    """What the roofline of a deployment with a design says of its own error, which grows near the limits."""
    return [
        roof.log_rate[which] - 10,
        np.log(np.maximum(roof.room[which], 1e-2)),
        np.exp(np.minimum(roof.tightness[which], 1.0)),
    ]


def _serves(
    roof: Rooflines, rates: Rates, served: Bool[np.ndarray, "deployments designs"]
) -> Bool[np.ndarray, "deployments designs"]:
    """Whether a deployment may serve a design: its weights fit, and it is not much slower than any that serves."""
    fast = served & (rates > 0)
    most = np.where(fast, roof.tightness, -np.inf).max(axis=1, keepdims=True, initial=-np.inf)
    failed = (served & ~(rates > 0)).any(axis=1, keepdims=True)
    limit = np.where(failed, np.maximum(most, -UNSEEN) + UNSEEN / 2, 2 * UNSEEN)
    return (roof.room > 0) & (roof.tightness <= limit)


def estimated_mfu(
    designs: Features, totals: Float[np.ndarray, " designs"], mfu: Float[np.ndarray, " designs"],
    trained: Bool[np.ndarray, " designs"],
    weights: Float[np.ndarray, " designs"],
) -> Estimated:  # fmt: skip
    """Utilisation of every design in training, learned from those whose layouts were tried."""
    if trained.all():
        return Estimated(log=np.zeros(len(mfu)), margin=np.zeros(len(mfu)))
    place = np.flatnonzero(trained & np.isfinite(mfu))[-MOST_LEARNED:]
    if len(place) < FEWEST:
        return Estimated(log=np.full(len(mfu), math.log(0.5)), margin=np.full(len(mfu), UNSEEN))
    scaled = _standard(designs, place)
    first, second = np.triu_indices(NUMBERS)
    own = scaled[place]
    rows = np.column_stack([np.ones(len(own)), own, own[:, first] * own[:, second]])
    learned, errors = _ridge(rows, np.log(mfu[place]), weights[place], RIDGE)
    linear, products = learned[1 : 1 + own.shape[1]], np.zeros((NUMBERS, NUMBERS))
    products[first, second] = learned[1 + own.shape[1] :]
    numbers = scaled[:, :NUMBERS]
    fitted = learned[0] + scaled @ linear + ((numbers @ products) * numbers).sum(axis=1)
    short = trained & ~np.isfinite(mfu)
    largest = 1.2 * totals[place].max() if short.any() else math.inf  # memory: parameters are most of it
    margin = np.full(len(mfu), 2 * _spread(errors, weights[place]))
    if len(mfu) <= MOST_LOCAL:
        nearest = _heaviest(weights[place], MOST_NEAR)
        near = _local(scaled, place[nearest], np.log(mfu[place[nearest]]) - fitted[place[nearest]])
        fitted, margin = fitted + near.log, np.minimum(margin, near.margin)
    log = np.minimum(fitted, 0.0)
    return Estimated(log=np.where(totals <= largest, log, -np.inf), margin=margin)


def moved_mfu(
    expected: Float[np.ndarray, " designs"],
    mfu: Float[np.ndarray, " designs"],
    trained: Bool[np.ndarray, " designs"],
) -> Estimated:
    """Utilisation of every design in training: as an earlier run had it, moved by what was tried in this one."""
    known, far = trained & np.isfinite(mfu) & np.isfinite(expected), np.log(expected)
    moved = np.log(mfu[known]) - far[known]
    shift, spread = (float(moved.mean()), float(moved.std())) if known.any() else (0.0, NOISE)
    log = np.where(np.isfinite(far), far + shift, -np.inf)
    return Estimated(log=np.minimum(log, 0.0), margin=np.full(len(log), 2 * max(spread, NOISE)))


def _heaviest(weights: np.ndarray, most: int) -> np.ndarray:
    """Places of the largest weights; of equal ones some from everywhere, not the first."""
    mixed = np.random.default_rng(0).permutation(len(weights))
    return mixed[np.argsort(-weights[mixed], kind="stable")[:most]]


def _standard(designs: Features, place: np.ndarray) -> Features:
    if not len(place):
        return designs
    centre, spread = designs[place].mean(axis=0), designs[place].std(axis=0)
    return np.clip((designs - centre) / np.where(spread > 1e-9, spread, 1.0), -3.0, 3.0)


def _ridge(
    rows: np.ndarray, truth: np.ndarray, weights: np.ndarray, penalty: float
) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients of a weighted ridge regression, and the error of each row when it is left out."""
    root = np.sqrt(weights)
    rows, truth = rows * root[:, None], truth * root
    square = rows.T @ rows + penalty * np.eye(rows.shape[1])
    coefficients = np.linalg.solve(square, rows.T @ truth)
    leverage = np.einsum("ij,ji->i", rows, np.linalg.solve(square, rows.T))
    return coefficients, (truth - rows @ coefficients) / np.maximum(1 - leverage, 0.1) / root


def _spread(errors: np.ndarray, weights: np.ndarray) -> float:
    return float(np.sqrt(np.average(errors**2, weights=weights)))
