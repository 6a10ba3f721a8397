"""What residuals say of the runs: rows far from the law, and two populations in one table."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from optimoe.laws.catalog import find_family
from optimoe.laws.fitting.model import variables_of
from optimoe.laws.fitting.setup.objective import OUTLIER_DEVIATIONS, residual_scale
from optimoe.laws.law import LawRow
from optimoe.laws.runs import Flag, Observations

EXTREME_SHARE = 0.98
TINY_SCALE = 1e-12
"""Residuals of runs without noise are rounding: their scale stays above it."""
FEWEST = 20
"""Rows below which two heaps of residuals are no finding."""
SMALLER_PART = 0.1
"""Share of the rows that a second population has at least: fewer are outliers, and listed as such."""
MOST_KINDS = 12
"""Values of a label or variable up to which it may tell populations apart; more are names or sizes."""
OFFSET_SCALES = 1.5
"""Robust scales within the groups by which two groups lie apart: their middle halves then hardly overlap."""
SURE = 5.0
"""Standard errors of that difference: one label of many is then not chosen by chance."""
BIMODAL_SCALES = 2.5
"""Two normal distributions of one width have two modes where they are over 2 of it apart (Schilling, Watkins and
Watkins 2002); half a width more, as widths of a mixture are fitted too small."""
SURE_BIC = 10.0
"""A difference of the Bayesian information criterion that counts as very strong (Kass and Raftery 1995)."""
MIXED_ROWS, MIXTURE_STEPS = 4000, 100
"""Rows that show two heaps of a tenth each beyond doubt, and steps after which EM of heaps that apart stands."""
MEDIAN_ERROR = 1.253
"""√(π/2): the standard error of a median in those of a mean."""
IDS = ("run", "seed", "status")
"""Labels that tell runs apart, not populations."""
MOST_LISTED = 400
"""Runs beside a law that are listed: a figure shows no more."""


@dataclass(frozen=True, kw_only=True)
class RunResidual:
    """One run beside a law.

    Attributes:
        row: Number of the row in its table, from 1.
        run: The run's id; empty when there is none.
        variables: What the law takes of it, by symbol.
        loss: Measured, in nats per token.
        predicted: The law's.
        residual: ln of measured over predicted.
    """

    row: int
    run: str
    variables: dict[str, float]
    loss: float
    predicted: float
    residual: float


def run_residuals(observations: Observations, law: LawRow) -> tuple[RunResidual, ...]:
    """Runs beside a law: all, or of very many every second, third, … of them.

    Raises:
        UnknownNameError: A variable of the law is missing.
    """
    family = find_family(law.family)
    variables = variables_of(family, observations)
    predicted = np.broadcast_to(family(law).loss(**variables), observations.loss.shape)
    step = -(-len(observations.loss) // MOST_LISTED)
    return tuple(
        RunResidual(
            row=int(observations.rows[at]),
            run=observations.run_name(at),
            variables={name: float(column[at]) for name, column in variables.items()},
            loss=float(observations.loss[at]),
            predicted=float(predicted[at]),
            residual=float(np.log(observations.loss[at] / predicted[at])),
        )
        for at in range(0, len(predicted), step)
    )


def outliers(observations: Observations, residual: Float[np.ndarray, " runs"]) -> tuple[Flag, ...]:
    """Rows over five robust standard deviations (1.4826·MAD) from the law, and what is odd about them."""
    distance = residual - np.median(residual)
    sigma = max(residual_scale(residual), TINY_SCALE)
    far = np.flatnonzero(np.abs(distance) > OUTLIER_DEVIATIONS * sigma)
    return tuple(
        Flag(
            row=int(observations.rows[row]),
            run=observations.run_name(row),
            reason=f"ln L is {-residual[row]:+.4f} from the law, {abs(distance[row]) / sigma:.1f} robust "
            f"standard deviations{odd}",
            used=True,
        )
        for row, odd in zip(far.tolist(), _oddities(observations, far), strict=True)
    )


def _oddities(observations: Observations, rows: np.ndarray) -> list[str]:
    """Which variables, or tokens per parameter, are extreme in these rows: beyond 98 % of the other rows."""
    words: list[list[str]] = [[] for _ in rows]
    columns = dict(observations.variables) if len(rows) else {}
    params = next((columns[name] for name in ("N_act", "N") if name in columns), None)
    if params is not None and "D" in columns:
        columns["D/N"] = columns["D"] / params
    for name, column in columns.items():
        ordered = np.sort(column)
        below = np.searchsorted(ordered, column[rows], "left") / len(column)
        above = 1 - np.searchsorted(ordered, column[rows], "right") / len(column)
        for number in np.flatnonzero(np.maximum(below, above) >= EXTREME_SHARE).tolist():
            side = "below" if above[number] > below[number] else "above"
            words[number].append(f"{name} = {column[rows[number]]:.3g} is {side} 98 % of the runs")
    return ["; " + ", ".join(found) if found else "" for found in words]


def populations(
    observations: Observations, residual: Float[np.ndarray, " runs"], used: tuple[str, ...]
) -> tuple[str, ...]:
    """Remarks on residuals that lie in two heaps: runs of two tokenizers, data sets or recipes in one table.

    A label, or a variable that the law does not use, is named where its values part the rows into two groups whose
    medians differ by 1.5 robust scales within them and five standard errors. Otherwise a mixture of two normal
    distributions of one width is fitted to the residuals: it is named where each part has a tenth of the rows,
    they are 2.5 widths apart, and the mixture is better than one distribution by 10 in the information criterion.

    Args:
        observations: The runs.
        residual: ln L_law − ln L_run of each.
        used: Variables of the law.
    """
    if len(residual) < FEWEST:
        return ()
    parted = [
        (gap, f"{words}: two populations in one table? Fit them apart (--where), or as groups")
        for name, column in _kinds(observations, used)
        for gap, words in _parted_by(name, column, residual)
    ]
    if parted:
        return tuple(words for _, words in sorted(parted, reverse=True)[:1])
    return _two_heaps(residual)


def _kinds(observations: Observations, used: tuple[str, ...]) -> Iterator[tuple[str, np.ndarray]]:
    """Labels and unused variables with a few different values."""
    for name, column in {**observations.labels, **observations.variables}.items():
        if name not in (*IDS, *used):
            kinds, which = np.unique(column, return_inverse=True)
            if 1 < len(kinds) <= MOST_KINDS:
                yield name, np.array([_word(kind) for kind in kinds], dtype=object)[which]


def _word(kind: object) -> str:
    return f"{kind:g}" if isinstance(kind, float) else str(kind)


def _parted_by(name: str, column: np.ndarray, residual: Float[np.ndarray, " runs"]) -> Iterator[tuple[float, str]]:
    """How far apart, in scales within them, the two groups lie that a label parts the rows into; none if near."""
    middles = {kind: float(np.median(residual[column == kind])) for kind in dict.fromkeys(column.tolist())}
    ordered = sorted(middles, key=middles.__getitem__)
    inner = residual - np.array([middles[kind] for kind in column])
    scale = max(residual_scale(inner), TINY_SCALE)
    best: tuple[float, str] = (0.0, "")
    for cut in range(1, len(ordered)):
        low = np.isin(column.astype(str), ordered[:cut])
        sizes = int(low.sum()), int((~low).sum())
        gap = float(np.median(residual[~low]) - np.median(residual[low]))
        error = MEDIAN_ERROR * scale * np.sqrt(1 / sizes[0] + 1 / sizes[1])
        large_enough = min(sizes) >= SMALLER_PART * len(residual)
        if large_enough and gap > max(OFFSET_SCALES * scale, SURE * error) and gap / scale > best[0]:
            # r is the law's less the run's: a group of high residuals has low losses
            lower, higher = ", ".join(ordered[cut:]), ", ".join(ordered[:cut])
            words = (
                f"ln L of the {sizes[0]} rows with {name} {higher} lies {gap:.3g} above that of the {sizes[1]} "
                f"with {lower}, {gap / scale:.1f} times the scatter within them"
            )
            best = (gap / scale, words)
    if best[0]:
        yield best


def _two_heaps(residual: Float[np.ndarray, " runs"]) -> tuple[str, ...]:
    """A remark where the residuals are a mixture of two heaps that no label parts."""
    step = -(-len(residual) // MIXED_ROWS)
    values = residual[::step] - np.median(residual)
    # the tails are cut, as one far row would be a heap of its own
    reach = OUTLIER_DEVIATIONS * max(residual_scale(values), TINY_SCALE)
    values = values[np.abs(values) <= reach]
    single = -2 * _log_normal(values, values.mean(), max(float(values.std()), TINY_SCALE)).sum()
    share, middles, width, mixed = _mixture(values)
    gap = float(abs(middles[1] - middles[0]))
    parts = min(share, 1 - share)
    better = single - mixed > SURE_BIC + 2 * np.log(len(values))  # two coefficients more
    if not (better and parts >= SMALLER_PART and gap > BIMODAL_SCALES * width):
        return ()
    return (
        f"the residuals lie in two heaps: {parts:.0%} of the rows {gap:.3g} from the others in ln L, "
        f"{gap / width:.1f} times the scatter within them, and no label of the table parts them: two "
        "tokenizers, data sets or recipes in one table?",
    )


def _log_normal(values: np.ndarray, mean: np.ndarray | float, width: float) -> np.ndarray:
    """Log density of a normal distribution, −z²/2 − ln(σ√2π), z = (x − μ)/σ."""
    return -(((values - mean) / width) ** 2) / 2 - np.log(width * np.sqrt(2 * np.pi))


def _mixture(values: Float[np.ndarray, " rows"]) -> tuple[float, Float[np.ndarray, "2"], float, float]:
    """(share of the first, means, width, −2·ln likelihood) of two normal distributions of one width, by EM."""
    means = np.quantile(values, (0.25, 0.75))
    share, width = 0.5, max(float(values.std()), TINY_SCALE)
    first: Float[np.ndarray, " rows"] | Bool[np.ndarray, " rows"]
    for _ in range(MIXTURE_STEPS):
        shares = np.log([max(share, TINY_SCALE), max(1 - share, TINY_SCALE)])[:, None]
        logs = shares + _log_normal(values, means[:, None], width)
        total = np.logaddexp(logs[0], logs[1])
        first = np.exp(logs[0] - total)
        share = float(first.mean())
        weights = np.stack([first, 1 - first])
        means = (weights * values).sum(axis=1) / np.maximum(weights.sum(axis=1), TINY_SCALE)
        width = max(float(np.sqrt((weights * (values - means[:, None]) ** 2).sum() / len(values))), TINY_SCALE)
    return share, means, width, float(-2 * total.sum())
