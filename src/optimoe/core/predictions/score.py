"""How well predictions did: how often their bands held, how far off they were, how much they dared."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, median
from typing import Literal

from scipy.special import betaincinv

from optimoe.core.errors import require
from optimoe.core.predictions.entries import LedgerEntry, PredictionLedger

INTERVAL = 0.95
"""Of the share that bands hold: the usual level of an interval for a share."""

Calibration = Literal["as stated", "too narrow", "too wide"]


@dataclass(frozen=True, kw_only=True)
class BandScore:
    """How often bands of one stated level held their outcome.

    Attributes:
        level: Share of outcomes that they are to hold.
        settled: How many have an outcome.
        inside: How many held it.
        share: inside over settled.
        low, high: Interval of 95 % around that share, Clopper–Pearson's: by it a level that is true is refused in
            1 of 20 ledgers at most, if outcomes are independent. Those of one machine are not: then it is short.
        verdict: ``as stated`` where the level lies in the interval; ``too narrow`` where bands hold fewer, ``too
            wide`` where they hold more.
    """

    level: float
    settled: int
    inside: int
    share: float
    low: float
    high: float
    verdict: Calibration


@dataclass(frozen=True, kw_only=True)
class LedgerScore:
    """How well the predictions of a ledger did.

    Attributes:
        predictions: How many there are.
        open: How many have no outcome yet.
        settled: How many have one.
        inside, below, above: Outcomes by where they lie of the band, of those that have one.
        bands: Coverage by stated level, the highest first.
        abs_ln_ratio: Median of |ln(outcome/prediction)|; NaN without positive ones.
        ratio: Median of outcome over prediction: above 1 where predictions are low; NaN likewise.
        sharpness: Median of ln(high/low) of all bands, open ones too; NaN without positive ones.
        interval_score: Mean interval score of the settled bands in ln: :func:`interval_score`; NaN likewise.
    """

    predictions: int
    open: int
    settled: int
    inside: int
    below: int
    above: int
    bands: tuple[BandScore, ...]
    abs_ln_ratio: float
    ratio: float
    sharpness: float
    interval_score: float


def score_ledger(ledger: PredictionLedger) -> LedgerScore:
    """The score of all predictions of a ledger; open ones count in its sharpness alone."""
    settled = [entry for entry in ledger.entries if entry.outcome]
    places = Counter(entry.place for entry in settled)
    levels = Counter(entry.prediction.level for entry in settled if entry.prediction.level is not None)
    held = Counter(entry.prediction.level for entry in settled if entry.place == "inside")
    ratios = [entry.ratio for entry in settled if not math.isnan(entry.ratio)]
    widths = [_ln_width(entry) for entry in ledger.entries]
    scores = [score for entry in settled if not math.isnan(score := interval_score(entry))]
    return LedgerScore(
        predictions=len(ledger.entries),
        open=len(ledger.entries) - len(settled),
        settled=len(settled),
        inside=places["inside"],
        below=places["below"],
        above=places["above"],
        bands=tuple(band_score(level, held[level], levels[level]) for level in sorted(levels, reverse=True)),
        abs_ln_ratio=_median([abs(math.log(ratio)) for ratio in ratios]),
        ratio=_median(ratios),
        sharpness=_median([width for width in widths if not math.isnan(width)]),
        interval_score=fmean(scores) if scores else math.nan,
    )


def band_score(level: float, inside: int, settled: int) -> BandScore:
    """How often bands of a level held, with the interval around that share.

    Clopper and Pearson 1934 (Biometrika 26): of k successes in n the interval is from the α/2 quantile of
    Beta(k, n − k + 1) to the 1 − α/2 quantile of Beta(k + 1, n − k); it holds the true share in 1 − α or more.

    Args:
        level: The stated share.
        inside: Bands that held their outcome, k.
        settled: Bands with an outcome, n.

    Raises:
        ConfigError: There are none, or more held than there are.
    """
    require(0 <= inside <= settled and settled > 0, "inside", f"0 to {settled}, of one or more", inside)
    tail = (1 - INTERVAL) / 2
    low = float(betaincinv(inside, settled - inside + 1, tail)) if inside else 0.0
    high = float(betaincinv(inside + 1, settled - inside, 1 - tail)) if inside < settled else 1.0
    verdict: Calibration = "too narrow" if high < level else "too wide" if low > level else "as stated"
    return BandScore(
        level=level, settled=settled, inside=inside, share=inside / settled, low=low, high=high, verdict=verdict
    )


def interval_score(entry: LedgerEntry) -> float:
    """What a band and its outcome cost, in ln: the less the better.

    S = (u − l) + (2/α)·max(l − x, 0) + (2/α)·max(x − u, 0), with l, u, x the logarithms of the ends of the band
    and of the outcome, and 1 − α the level: a band pays for its width, and for a miss by how far. No ends have a
    lower mean than the true quantiles, so that neither wide nor daring bands win (Gneiting and Raftery 2007,
    JASA 102, eq. 43). In ln, so that seconds and dollars count alike. NaN without a band, an outcome, or where one
    is not positive.
    """
    said, came = entry.prediction, entry.outcome
    width = _ln_width(entry)
    if math.isnan(width) or came is None or came.value <= 0 or not (said.low and said.high and said.level):
        return math.nan
    below, above = math.log(said.low / came.value), math.log(came.value / said.high)
    return width + 2 / (1 - said.level) * (max(below, 0.0) + max(above, 0.0))


def _ln_width(entry: LedgerEntry) -> float:
    """ln(high/low) of a band; NaN without one, or where an end is not positive."""
    low, high = entry.prediction.low, entry.prediction.high
    return math.log(high / low) if low and high and low > 0 else math.nan


def _median(values: Sequence[float]) -> float:
    return median(values) if values else math.nan
