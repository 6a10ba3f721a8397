"""Effective speed-up of a variant over a baseline: by how much cheaper it reaches a loss, and how sure that is."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

import numpy as np
from scipy.stats import t as student

from optimoe.arch.spec import ArchSpec
from optimoe.core.errors import require, require_nonnegative, require_positive, require_types
from optimoe.laws.law import Law

LEVEL = 0.9
"""Of the intervals."""

FAR = 1e18
"""By so much sizes, tokens and FLOPs grow to where a law's loss is its floor."""

_GROWS = ("N", "D", "C", "P")
"""First letters of variables that grow to the floor; E, k, G and r stay."""


@dataclass(frozen=True, kw_only=True)
class ScalingSlope:
    """How the baseline's loss falls with compute: L = floor + K·C^(−alpha).

    Attributes:
        alpha: Exponent.
        floor: L∞, nats per token.
        source: Where both are from.

    Raises:
        ConfigError: The exponent is not positive, or the floor is negative.
    """

    alpha: float
    floor: float
    source: str

    def __post_init__(self) -> None:
        require_types(self)
        require_positive(self, "alpha")
        require_nonnegative(self, "floor")


@dataclass(frozen=True, kw_only=True)
class RunPair:
    """A run of a variant and one of the baseline that differs in nothing else, the same seeds in both.

    Attributes:
        rung: What both are on the ladder.
        seed: Of both.
        losses: Of baseline and variant, nats per token.
        flops: Of their trainings.
        seconds: Likewise.
    """

    rung: str
    seed: int
    losses: tuple[float, float]
    flops: tuple[float, float]
    seconds: tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class SpeedUp:
    """A speed-up as a factor of cost, over pairs of seeds.

    Attributes:
        value: Geometric mean over the seeds; above 1 the variant is better.
        low, high: Of a 90 % interval by Student's t over the seeds; 0 and infinite with one seed.
        num_seeds: Pairs.
    """

    value: float
    low: float
    high: float
    num_seeds: int


@dataclass(frozen=True, kw_only=True)
class RungSpeedUp:
    """A rung of the ladder.

    Attributes:
        rung: Which.
        loss_change: Of the variant over the baseline, nats per token, mean over the seeds.
        per_flop: Speed-up at equal FLOPs.
        per_second: At equal seconds.
    """

    rung: str
    loss_change: float
    per_flop: SpeedUp
    per_second: SpeedUp


@dataclass(frozen=True, kw_only=True)
class Gate:
    """What a ladder says of a variant.

    Attributes:
        slope: By which losses become compute.
        rungs: From the cheapest up.
        per_flop: Over the whole ladder.
        per_second: Likewise.
        promoted_per_flop: Whether the interval of the whole ladder is above 1, and the last rung's value too, so
            that what is gained does not end with size.
        promoted_per_second: Likewise.
    """

    slope: ScalingSlope
    rungs: tuple[RungSpeedUp, ...]
    per_flop: SpeedUp
    per_second: SpeedUp

    @property
    def promoted_per_flop(self) -> bool:
        """Whether the variant pays at equal FLOPs, surely on the whole and still at the last rung."""
        return self.per_flop.low > 1 and self.rungs[-1].per_flop.value > 1

    @property
    def promoted_per_second(self) -> bool:
        """Whether the variant pays at equal seconds, surely on the whole and still at the last rung."""
        return self.per_second.low > 1 and self.rungs[-1].per_second.value > 1


def slope_of(law: Law, ladder: Mapping[float, tuple[ArchSpec, int]]) -> ScalingSlope:
    """The slope that a law gives the baseline's ladder, and its floor.

    Args:
        law: That was fitted to such runs.
        ladder: Architecture and tokens of the baseline's runs, by their training FLOPs.

    Raises:
        ConfigError: The ladder has fewer than two budgets, or the law does not fall along it.
    """
    require(len(ladder) > 1, "ladder", "of two budgets or more for an exponent", len(ladder))
    inputs = [law.arch_inputs(arch, tokens) for arch, tokens in ladder.values()]
    floor = float(law.evaluate("L", {n: v * FAR if n.startswith(_GROWS) else v for n, v in inputs[0].items()}))
    losses = [float(law.evaluate("L", dict(each))) for each in inputs]
    require(min(losses) > floor, "law", f"above its floor {floor:g} on the ladder", min(losses))
    slope = np.polyfit(np.log(list(ladder)), np.log(np.array(losses) - floor), 1)[0]
    require(slope < 0, "law", "one whose loss falls along the ladder", f"slope {slope:g}")
    return ScalingSlope(alpha=float(-slope), floor=max(floor, 0.0), source=f"{law.row.name}, along the ladder")


def speed_up(slope: ScalingSlope, losses: tuple[float, float], costs: tuple[float, float]) -> float:
    """((L_b − L∞)/(L_v − L∞))^(1/α) · c_b/c_v: what the baseline would pay for the variant's loss, over its cost.

    Args:
        slope: α and L∞.
        losses: Of baseline and variant.
        costs: Of both, in one unit.

    Raises:
        ConfigError: A loss is not above the floor.
    """
    require(min(losses) > slope.floor, "loss", f"above the floor {slope.floor:g}", min(losses))
    reach = (losses[0] - slope.floor) / (losses[1] - slope.floor)
    return float(reach ** (1 / slope.alpha) * costs[0] / costs[1])


def judge(pairs: Sequence[RunPair], slope: ScalingSlope) -> Gate:
    """What pairs of runs along a ladder say of a variant.

    Seeds are the units: the logarithm of each seed's speed-up is averaged over its rungs, because the rungs of one
    seed share its tokens and are not independent.

    Raises:
        ConfigError: There is no pair, or a loss is not above the floor.
    """
    require(pairs, "pairs", "one or more", "none")
    by_rung: dict[str, list[RunPair]] = {}
    for pair in sorted(pairs, key=lambda one: one.flops[0]):
        by_rung.setdefault(pair.rung, []).append(pair)
    rungs = tuple(
        RungSpeedUp(
            rung=rung,
            loss_change=fmean(one.losses[1] - one.losses[0] for one in some),
            per_flop=_over_seeds(some, slope, "flops"),
            per_second=_over_seeds(some, slope, "seconds"),
        )
        for rung, some in by_rung.items()
    )
    return Gate(
        slope=slope,
        rungs=rungs,
        per_flop=_over_seeds(pairs, slope, "flops"),
        per_second=_over_seeds(pairs, slope, "seconds"),
    )


def _over_seeds(pairs: Sequence[RunPair], slope: ScalingSlope, cost: str) -> SpeedUp:
    """Mean and interval over seeds."""
    by_seed: dict[int, list[float]] = {}
    for pair in pairs:
        log = math.log(speed_up(slope, pair.losses, getattr(pair, cost)))
        by_seed.setdefault(pair.seed, []).append(log)
    each = [fmean(logs) for logs in by_seed.values()]
    mean, number = fmean(each), len(each)
    if number == 1:
        return SpeedUp(value=math.exp(mean), low=0.0, high=math.inf, num_seeds=1)
    half = float(student.ppf((1 + LEVEL) / 2, number - 1)) * stdev(each) / math.sqrt(number)
    return SpeedUp(
        value=math.exp(mean), low=math.exp(mean - half), high=math.exp(min(mean + half, 700.0)), num_seeds=number
    )
