"""The best ratio of expert to attention FLOPs from runs, and the power law that it follows (Li 2026, Sec. 3)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from jaxtyping import Float, Int

from optimoe.arch.flops import TRAIN_FLOPS_PER_PARAM_TOKEN
from optimoe.core.errors import require
from optimoe.laws.catalog import find_published_law
from optimoe.laws.evidence import FitVerdict
from optimoe.laws.fitting.answers.budgets import SAME_SIZE, Budget, Parabola, parabola_of, redrawn, split_budgets
from optimoe.laws.fitting.answers.drawn import NAN, DrawnNumber, estimate
from optimoe.laws.runs import Observations
from optimoe.laws.terms.ratio import best_ratio

RULE = "li2026-rstar"
FLAT_NATS = 1e-3
"""Losses this close are one to Li 2026 (App. B.3), who takes a neighbour there; here the neighbours are named."""
SAME_SHARE = 0.005
"""Active shares this close are one sparsity: printed with four digits, 3/129 and 1 − 0.9767 differ by 0.2 %."""
SAME_BUDGET = 0.01
"""Budgets of different sizes this close are one point of the line in C."""
LINE = 2
"""Numbers that a line has."""
SPARE = 1
"""Budgets, and sparsities, beyond two that a sound law needs: a line through two points fits whatever they are."""


@dataclass(frozen=True, kw_only=True)
class RatioBudget:
    """The runs of one sparsity, one budget and one size: only r differs between them.

    Attributes:
        sparsity: S.
        train_flops: C.
        flops_per_token: C/D; NaN where the runs have no D.
        runs: How many it has.
        window: How many of them the parabola goes through.
        ratio: r at its minimum; NaN where it opens downwards.
        loss: Loss there, nats per token.
        flat_low: The ratio below it that costs 0.001 nats on the parabola.
        flat_high: The same above.
        inside: Whether the minimum lies between the ratios of the window.
        rule: r* of Li 2026 as printed, at this S and C.
    """

    sparsity: float
    train_flops: float
    flops_per_token: float
    runs: int
    window: int
    ratio: DrawnNumber
    loss: float
    flat_low: float
    flat_high: float
    inside: bool
    rule: float


@dataclass(frozen=True, kw_only=True)
class RatioLine:
    """The power law of one sparsity, r* = α_r·C^β_r through the minima inside; NaN with fewer than two.

    Attributes:
        sparsity: S.
        budgets: How many different budgets have a minimum inside.
        factor: α_r: r* at one FLOP, far from any run, so that it goes with the exponent.
        exponent: β_r.
        middle_flops: The geometric mean of the budgets.
        middle_ratio: r* there, which the runs do tell.
    """

    sparsity: float
    budgets: int
    factor: DrawnNumber
    exponent: DrawnNumber
    middle_flops: float
    middle_ratio: DrawnNumber


@dataclass(frozen=True, kw_only=True)
class RatioAnalysis:
    """r* at each budget and sparsity, α_r and β_r of each sparsity, and what they follow in 1 − S.

    Attributes:
        verdict: ``sound``; ``reduced``: one sparsity, so that α_r and β_r are all there is; ``too_few_runs``: no
            budget or no sparsity beyond the two that a line needs; ``ill_conditioned``: the interval of the growth
            at some sparsity reaches zero; ``at_bound``: half of the minima, or more, lie outside the ratios that
            were run.
        budgets: By sparsity and budget, ascending.
        lines: One a sparsity, ascending.
        alpha0: Factor of α_r = α0·(1−S)^α1 through the sparsities' α_r; NaN with one sparsity.
        alpha1: Its exponent.
        beta0: Factor of β_r = β0·(1−S)^β1 through the sparsities' β_r; NaN with one sparsity or a falling r*.
        beta1: Its exponent.
        swept: Lowest and highest ratio of the runs.
        falls: Where r* falls from one budget to the next, in words. Nothing is repaired.
        skipped: Groups with fewer than four ratios, in words.
    """

    verdict: FitVerdict
    budgets: tuple[RatioBudget, ...]
    lines: tuple[RatioLine, ...]
    alpha0: DrawnNumber
    alpha1: DrawnNumber
    beta0: DrawnNumber
    beta1: DrawnNumber
    swept: tuple[float, float]
    falls: tuple[str, ...]
    skipped: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class _Group:
    """One budget of runs with its sparsity, and the minima of its parabola: of the runs, then of each resample."""

    sparsity: float
    per_token: float
    budget: Budget
    parabola: Parabola
    minima: Float[np.ndarray, " draws"]

    @property
    def inside(self) -> bool:
        """Whether runs bracket the minimum: it lies in the window, the lowest run at neither end of the ratios.

        A minimum beyond the last ratio comes inside when chance has it so, and would flatten the growth.
        """
        ratios, near = self.budget.params, self.budget.params[self.budget.near]
        lowest = ratios[int(np.argmin(self.budget.loss))]
        bracketed = ratios.min() * (1 + SAME_SIZE) < lowest < ratios.max() / (1 + SAME_SIZE)
        return bool(bracketed and near.min() <= self.minima[0] <= near.max())

    @property
    def bend(self) -> float:
        """Half of the second derivative of its parabola by ln r, nats; negative where it opens downwards."""
        return float((self.parabola.solver @ self.parabola.loss)[0])

    def weight(self, bend: float) -> float:
        """One over the variance of ln r* under equal scatter of the runs, at a bend that others have, too.

        By its own bend a minimum that chance pulls to the middle would count more than one that it pushes out.
        """
        away = np.log(self.minima[0]) - self.parabola.centre
        moved = -(2 * away * self.parabola.solver[0] + self.parabola.solver[1]) / (2 * bend)
        return float(1 / (moved**2).sum())


def analyse_ratio(
    observations: Observations,
    *,
    window: int = 5,
    tolerance: float = 0.1,
    resamples: int = 200,
    level: float = 0.9,
    seed: int = 0,
) -> RatioAnalysis:
    """Parabolas of L in ln r at equal FLOPs, size and sparsity; then r* = α_r·C^β_r, α_r and β_r against 1 − S.

    The steps are those of Li 2026 (Sec. 3), but for two. App. B.3 there puts a neighbour within 0.001 nats in the
    place of a measured minimum wherever r* would fall with C, which builds growth in: here nothing is replaced,
    and such falls are said. And minima outside the ratios that were run count in no line. Intervals are those of a
    residual bootstrap over all budgets together, as those of ``analyse_isoflop``.
    A parabola is a local picture of a loss that is none in ln r: a narrower window has less bias and more noise.

    Args:
        observations: Runs with r and S, and with C, or N_act (or N) and D.
        window: Ratios around the lowest loss that the parabola goes through, 4 or more.
        tolerance: Relative difference up to which C, and C/D, are one budget and one size.
        resamples: Of the bootstrap; 0 for no intervals.
        level: Of the intervals.
        seed: Of the bootstrap.

    Raises:
        UnknownNameError: The runs lack r or S.
        ConfigError: They lack FLOPs, or no group of them has four ratios.
    """
    for name in ("r", "S"):
        observations.column(name)
    found, skipped = _find_groups(observations, window, tolerance)
    said = "; ".join(skipped[:3]) or "none"
    require(found, "observations", "with four ratios r at one sparsity, budget and size", said)
    parabolas = [parabola_of(budget) for _, _, budget in found]
    groups = [
        _Group(sparsity=sparsity, per_token=per_token, budget=budget, parabola=parabola, minima=minima)
        for (sparsity, per_token, budget), parabola, minima in zip(
            found, parabolas, redrawn(parabolas, resamples, seed), strict=True
        )
    ]
    sparsities = list(dict.fromkeys(group.sparsity for group in groups))
    of = {sparsity: [group for group in groups if group.sparsity == sparsity] for sparsity in sparsities}
    drawn = [_line(of[sparsity]) for sparsity in sparsities]
    lines = tuple(_ratio_line(one, of[one], line, level) for one, line in zip(sparsities, drawn, strict=True))
    ratios = observations.column("r")
    return RatioAnalysis(
        verdict=_verdict(groups, lines),
        budgets=tuple(_ratio_budget(group, level) for group in groups),
        lines=lines,
        **_against_share(sparsities, drawn, level),
        swept=(float(ratios.min()), float(ratios.max())),
        falls=_falls(groups),
        skipped=skipped,
    )


def _find_groups(
    observations: Observations, window: int, tolerance: float
) -> tuple[list[tuple[float, float, Budget]], tuple[str, ...]]:
    """(S, C/D, budget) of every group of runs that differ in r alone, by S and C; and those left out, in words."""
    flops, tokens = _flops(observations), observations.variables.get("D")
    counted = replace(observations, variables={**observations.variables, "C": flops})
    sparsity = observations.column("S")
    require((sparsity < 1).all(), "S", "below 1", float(sparsity.max()))
    found: list[tuple[float, float, Budget]] = []
    skipped: list[str] = []
    for share in _classes(1 - sparsity, np.arange(len(flops)), SAME_SHARE):
        name = float(np.median(sparsity[share]))
        for rows in [share] if tokens is None else _classes(flops / tokens, share, tolerance):
            taken = np.isin(np.arange(len(flops)), rows)
            budgets, few = split_budgets(counted.select(taken), "r", window=window, tolerance=tolerance)
            per_token = NAN if tokens is None else float(np.median(flops[rows] / tokens[rows]))
            found += [(name, per_token, budget) for budget in budgets]
            skipped += [f"S = {name:.4g}, {words}" for words in few]
    return sorted(found, key=lambda group: (group[0], group[2].train_flops)), tuple(skipped)


def _flops(observations: Observations) -> Float[np.ndarray, " runs"]:
    """C of each run: its column, or 6·N_act·D; a total size would count experts that a token does not use."""
    variables = observations.variables
    known = "C" in variables or {"N_act", "D"} <= variables.keys()
    require(
        known, "observations", "with C, or N_act and D, to say which runs have equal FLOPs", ", ".join(variables)
    )
    return (
        variables["C"] if "C" in variables else TRAIN_FLOPS_PER_PARAM_TOKEN * variables["N_act"] * variables["D"]
    )


def _classes(
    values: Float[np.ndarray, " all"], rows: Int[np.ndarray, " some"], tolerance: float
) -> list[Int[np.ndarray, " class"]]:
    """Rows whose values follow each other within the tolerance, ascending."""
    order = rows[np.argsort(values[rows], kind="stable")]
    breaks = np.flatnonzero(np.diff(np.log(values[order])) > np.log1p(tolerance)) + 1
    return np.split(order, breaks)


def _line(groups: Sequence[_Group]) -> tuple[Float[np.ndarray, " draws"], Float[np.ndarray, " draws"]]:
    """(ln α_r, β_r) by weighted least squares of ln r* on ln C, of the minima inside and of each resample."""
    inside = [group for group in groups if group.inside]
    log_flops = np.log([group.budget.train_flops for group in inside])
    draws = len(groups[0].minima)
    if len(inside) < LINE or np.ptp(log_flops) == 0:
        return np.full(draws, NAN), np.full(draws, NAN)
    bend = float(np.median([group.bend for group in inside]))
    minima = np.log(np.stack([group.minima for group in inside], axis=1))
    return _through(log_flops, minima, np.array([group.weight(bend) for group in inside]))


def _through(
    x: Float[np.ndarray, " points"], y: Float[np.ndarray, "draws points"], weight: Float[np.ndarray, " points"]
) -> tuple[Float[np.ndarray, " draws"], Float[np.ndarray, " draws"]]:
    """(Intercept, slope) of a weighted line through each row; NaN where a point is."""
    share = weight / weight.sum()
    middle = float(share @ x)
    offset = share * (x - middle)
    slope = y @ offset / (offset @ (x - middle))
    return y @ share - slope * middle, slope


def _ratio_line(
    sparsity: float,
    groups: Sequence[_Group],
    line: tuple[Float[np.ndarray, " draws"], Float[np.ndarray, " draws"]],
    level: float,
) -> RatioLine:
    factor, power = line
    inside = [group.budget.train_flops for group in groups if group.inside]
    middle = float(np.exp(np.mean(np.log(inside)))) if inside else NAN
    at_middle = np.exp(factor + power * np.log(middle))
    return RatioLine(
        sparsity=sparsity,
        budgets=len(_classes(np.array(inside), np.arange(len(inside)), SAME_BUDGET)) if inside else 0,
        factor=_estimate(np.exp(factor), level),
        exponent=_estimate(power, level),
        middle_flops=middle,
        middle_ratio=_estimate(at_middle, level),
    )


def _estimate(values: Float[np.ndarray, " draws"], level: float) -> DrawnNumber:
    """The first of the values with the interval of the others."""
    return estimate(float(values[0]), values[1:], level)


def _against_share(
    sparsities: Sequence[float], lines: Sequence[tuple[np.ndarray, np.ndarray]], level: float
) -> dict[str, DrawnNumber]:
    """α0, α1, β0, β1 by lines of ln α_r and ln β_r on ln(1 − S); NaN with one sparsity, or where some r* falls."""
    known = [number for number, (factor, _) in enumerate(lines) if np.isfinite(factor[0])]
    if len(known) < LINE:
        return dict.fromkeys(("alpha0", "alpha1", "beta0", "beta1"), DrawnNumber(value=NAN, level=level))
    log_share = np.log1p(-np.array([sparsities[number] for number in known]))
    factors, powers = (np.stack([lines[number][column] for number in known], axis=1) for column in (0, 1))
    with np.errstate(invalid="ignore", divide="ignore"):
        log_powers = np.log(np.where(powers > 0, powers, NAN))
    equal = np.ones_like(log_share)  # as Li 2026 has it: each sparsity is one point
    alpha0, alpha1 = _through(log_share, factors, equal)
    beta0, beta1 = _through(log_share, log_powers, equal)
    numbers = {"alpha0": np.exp(alpha0), "alpha1": alpha1, "beta0": np.exp(beta0), "beta1": beta1}
    return {name: _estimate(values, level) for name, values in numbers.items()}


def _ratio_budget(group: _Group, level: float) -> RatioBudget:
    best, near, budget = float(group.minima[0]), group.budget.params[group.budget.near], group.budget
    reach = float(np.exp(np.sqrt(FLAT_NATS / group.bend))) if group.bend > 0 else NAN
    return RatioBudget(
        sparsity=group.sparsity,
        train_flops=budget.train_flops,
        flops_per_token=group.per_token,
        runs=len(budget.loss),
        window=len(near),
        ratio=_estimate(group.minima, level),
        loss=group.parabola.height(best),
        flat_low=best / reach,
        flat_high=best * reach,
        inside=group.inside,
        rule=float(
            best_ratio(budget.train_flops, 1 - group.sparsity, **find_published_law(RULE).row.coefficients)
        ),
    )


def _falls(groups: Sequence[_Group]) -> tuple[str, ...]:
    """Neighbouring budgets of one sparsity between whose minima inside r* falls."""
    inside = [group for group in groups if group.inside]
    return tuple(
        f"S = {one.sparsity:.4g}: {one.minima[0]:.3g} at {one.budget.train_flops:.3g} FLOP, "
        f"{other.minima[0]:.3g} at {other.budget.train_flops:.3g}"
        for one, other in pairwise(inside)
        if one.sparsity == other.sparsity
        and other.budget.train_flops > one.budget.train_flops * (1 + SAME_BUDGET)
        and other.minima[0] < one.minima[0]
    )


def _verdict(groups: Sequence[_Group], lines: Sequence[RatioLine]) -> FitVerdict:
    """What a reader needs to know first."""
    if sum(group.inside for group in groups) * 2 <= len(groups):
        return "at_bound"
    fitted = [line for line in lines if line.budgets >= LINE]
    if not fitted or any(line.budgets < LINE + SPARE for line in fitted):
        return "too_few_runs"
    if any(line.exponent.low <= 0 for line in fitted):
        return "ill_conditioned"
    if len(fitted) == 1:
        return "reduced"
    return "sound" if len(fitted) >= LINE + SPARE else "too_few_runs"
