"""Effective speed-up of a variant over a baseline: by how much cheaper it reaches a loss, and how sure that is."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean, variance

import numpy as np
from jaxtyping import Float
from scipy.optimize import brentq
from scipy.special import stdtr, stdtrit

from optimoe.arch.spec import ArchSpec
from optimoe.core.arrays import Values
from optimoe.core.errors import require, require_nonnegative, require_positive, require_types
from optimoe.laws.law import Law
from optimoe.laws.terms.band import BAND_ENDS

FAR = 1e18
"""By so much sizes, tokens and FLOPs grow to where a law's loss is its floor."""

_GROWS = ("N", "D", "C", "P")
"""First letters of variables that grow to the floor; E, k, G and r stay."""

LEAST_SPREAD = 1e-9
"""Standard error of a logarithm that counts as none."""

PerDraw = Float[np.ndarray, " draws"]


def _none() -> PerDraw:
    return np.empty(0)


@dataclass(frozen=True, kw_only=True, eq=False)
class ScalingSlope:
    """How the baseline's loss falls with compute: L = floor + K·C^(−alpha).

    Attributes:
        alpha: Exponent.
        floor: L∞, nats per token.
        source: Where both are from.
        alphas: Exponents of a law's draws; empty where how sure it is, nobody says.
        floors: Floors of the same draws.

    Raises:
        ConfigError: The exponent is not positive, the floor is negative, or the draws are not of one number.
    """

    alpha: float
    floor: float
    source: str
    alphas: PerDraw = field(default_factory=_none)
    floors: PerDraw = field(default_factory=_none)

    def __post_init__(self) -> None:
        require_types(self)
        require_positive(self, "alpha")
        require_nonnegative(self, "floor")
        require(len(self.alphas) == len(self.floors), "floors", f"{len(self.alphas)}, as alphas", len(self.floors))

    def under(self, losses: Sequence[float]) -> tuple[PerDraw, PerDraw]:
        """Exponents and floors that these losses allow: a draw whose floor a run has reached is refuted by it.

        Without draws, or where none is left, the slope's own.

        Raises:
            ConfigError: The slope's own floor is not below the losses.
        """
        require(min(losses) > self.floor, "loss", f"above the floor {self.floor:g}", min(losses))
        kept = self.floors < min(losses)
        if not kept.any():
            return np.array([self.alpha]), np.array([self.floor])
        return self.alphas[kept], self.floors[kept]


@dataclass(frozen=True, kw_only=True)
class RunPair:
    """A run of a variant and one of the baseline that differs in nothing else, the same seeds in both.

    Attributes:
        rung: What both are on the ladder.
        seed: Of both.
        losses: Of baseline and variant, nats per token.
        flops: Of their trainings.
        seconds: Likewise.
        expected: What a law says of the variant's loss less the baseline's; NaN where none does.
    """

    rung: str
    seed: int
    losses: tuple[float, float]
    flops: tuple[float, float]
    seconds: tuple[float, float]
    expected: float = math.nan

    @property
    def change(self) -> float:
        """Loss of the variant less the baseline's, nats per token."""
        return self.losses[1] - self.losses[0]


@dataclass(frozen=True, kw_only=True)
class SpeedUp:
    """A speed-up as a factor of cost, over pairs of seeds.

    Attributes:
        value: Geometric mean over the seeds; above 1 the variant is better.
        low, high: Of a 90 % interval, by Student's t over the seeds and the draws of the slope; 0 and infinite
            with one seed.
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
        expected: The same by the law of the slope; NaN where that is stated, or the law ranks no such model.
        per_flop: Speed-up at equal FLOPs.
        per_second: At equal seconds.
    """

    rung: str
    loss_change: float
    expected: float
    per_flop: SpeedUp
    per_second: SpeedUp


@dataclass(frozen=True, kw_only=True)
class Gate:
    """What a ladder says of a variant.

    Attributes:
        slope: By which losses become compute.
        rungs: From the cheapest up.
        pair_error: Standard error of a rung's change of loss, nats per token: the spread of the seeds' differences
            within rungs, pooled over them, over √seeds; NaN with one seed. Twice that is the least effect seen.
        per_flop: Over the whole ladder.
        per_second: Likewise.
        promoted_per_flop: Whether the interval of the whole ladder is above 1, and the last rung's value too, so
            that what is gained does not end with size.
        promoted_per_second: Likewise.
    """

    slope: ScalingSlope
    rungs: tuple[RungSpeedUp, ...]
    pair_error: float
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
    """The slope that a law gives the baseline's ladder, and its floor, by itself and in each of its draws.

    Args:
        law: That was fitted to such runs.
        ladder: Architecture and tokens of the baseline's runs, by their training FLOPs.

    Raises:
        ConfigError: The ladder has fewer than two budgets, or the law does not fall along it.
    """
    require(len(ladder) > 1, "ladder", "of two budgets or more for an exponent", len(ladder))
    (floor,), (losses,) = _along(law, ladder)
    require(losses.min() > floor, "law", f"above its floor {floor:g} on the ladder", losses.min())
    steps = np.log(list(ladder))
    slope = float(_slopes(steps, floor, losses))
    require(slope < 0, "law", "one whose loss falls along the ladder", f"slope {slope:g}")
    many = law.with_draws()
    floors, drawn = _along(many, ladder) if many is not None else (_none(), losses[None][:0])
    falls = (drawn.min(axis=-1, initial=np.inf) > floors) & (floors >= 0)
    floors, slopes = floors[falls], _slopes(steps, floors[falls, None], drawn[falls])
    return ScalingSlope(
        alpha=-slope,
        floor=max(float(floor), 0.0),
        source=f"{law.row.name}, along the ladder",
        alphas=-slopes[slopes < 0],
        floors=floors[slopes < 0],
    )


def _along(
    law: Law, ladder: Mapping[float, tuple[ArchSpec, int]]
) -> tuple[PerDraw, Float[np.ndarray, "draws budgets"]]:
    """The floor of a law, or of many in one, and the losses along a ladder."""
    inputs = [law.arch_inputs(arch, tokens) for arch, tokens in ladder.values()]
    far = {name: value * FAR if name.startswith(_GROWS) else value for name, value in inputs[0].items()}
    floor, *losses = (np.ravel(law.evaluate("L", dict(each))) for each in (far, *inputs))
    return floor, np.stack(losses, axis=-1)


def _slopes(steps: np.ndarray, floor: Values, losses: np.ndarray) -> Values:
    """Of ln(L − floor) over ln C by least squares, along the last axis."""
    away = steps - steps.mean()
    return np.log(losses - floor) @ away / (away @ away)


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
    return float(np.exp(_log_speed_up(slope.alpha, slope.floor, losses, costs)))


def _log_speed_up(alpha: Values, floor: Values, losses: tuple[float, float], costs: tuple[float, float]) -> Values:
    """Of one slope or of many."""
    reach = np.log(losses[0] - floor) - np.log(losses[1] - floor)
    return np.divide(reach, alpha) + math.log(costs[0] / costs[1])


def judge(pairs: Sequence[RunPair], slope: ScalingSlope) -> Gate:
    """What pairs of runs along a ladder say of a variant.

    Seeds are the units: the logarithm of each seed's speed-up is averaged over its rungs, because the rungs of one
    seed share its tokens and are not independent. Each draw (α, L∞) of the slope has a mean m and a standard error
    s over n seeds; the interval's ends are the 5 % and 95 % points of m + s·t(n − 1) over the draws, so that it
    holds what the seeds leave open and what the slope does.

    Raises:
        ConfigError: There is no pair, or a loss is not above the floor.
    """
    require(pairs, "pairs", "one or more", "none")
    drawn = slope.under([loss for pair in pairs for loss in pair.losses])
    by_rung: dict[str, list[RunPair]] = {}
    for pair in sorted(pairs, key=lambda one: one.flops[0]):
        by_rung.setdefault(pair.rung, []).append(pair)
    rungs = tuple(
        RungSpeedUp(
            rung=rung,
            loss_change=fmean(one.change for one in some),
            expected=fmean(one.expected for one in some),
            per_flop=_over_seeds(some, slope, drawn, "flops"),
            per_second=_over_seeds(some, slope, drawn, "seconds"),
        )
        for rung, some in by_rung.items()
    )
    return Gate(
        slope=slope,
        rungs=rungs,
        pair_error=_pair_error([[one.change for one in some] for some in by_rung.values()]),
        per_flop=_over_seeds(pairs, slope, drawn, "flops"),
        per_second=_over_seeds(pairs, slope, drawn, "seconds"),
    )


def _pair_error(changes: Sequence[Sequence[float]]) -> float:
    """Standard error of a rung's change, from the spread of seeds within rungs, pooled over them."""
    several = [some for some in changes if len(some) > 1]
    if not several:
        return math.nan
    squares, free = (
        sum(variance(some) * (len(some) - 1) for some in several),
        sum(map(len, several)) - len(several),
    )
    return math.sqrt(squares / free / fmean(map(len, several)))


def _over_seeds(
    pairs: Sequence[RunPair], slope: ScalingSlope, drawn: tuple[PerDraw, PerDraw], cost: str
) -> SpeedUp:
    """Mean and interval over seeds."""
    by_seed: dict[int, list[RunPair]] = {}
    for pair in pairs:
        by_seed.setdefault(pair.seed, []).append(pair)

    def logs(alpha: Values, floor: Values) -> np.ndarray:
        """One row a seed, the mean of its rungs."""
        each = [
            [_log_speed_up(alpha, floor, one.losses, getattr(one, cost)) for one in some]
            for some in by_seed.values()
        ]
        return np.stack([np.mean(some, axis=0) for some in each])

    value, number = math.exp(logs(slope.alpha, slope.floor).mean()), len(by_seed)
    if number == 1:
        return SpeedUp(value=value, low=0.0, high=math.inf, num_seeds=1)
    each = logs(*drawn)
    error = np.maximum(each.std(axis=0, ddof=1) / math.sqrt(number), LEAST_SPREAD)
    low, high = (_point(end, each.mean(axis=0), error, number - 1) for end in BAND_ENDS)
    return SpeedUp(value=value, low=math.exp(low), high=math.exp(min(high, 700.0)), num_seeds=number)


def _point(share: float, mean: PerDraw, error: PerDraw, free: int) -> float:
    """Below which a share of m + s·t(free) lies, over means and errors that count alike."""
    own = mean + error * stdtrit(free, share)
    low, high = float(own.min()), float(own.max())
    if high - low < LEAST_SPREAD:
        return low
    return float(brentq(lambda at: stdtr(free, (at - mean) / error).mean() - share, low, high))
