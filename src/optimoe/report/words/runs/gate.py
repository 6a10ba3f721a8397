"""A verdict on a variant of a sweep, in words."""

from math import isfinite

import numpy as np

from optimoe.laws.prediction.speedup import Gate, ScalingSlope, SpeedUp
from optimoe.laws.terms.band import BAND_ENDS
from optimoe.report.words.lines import Blocks, Deciding, Lines, Table


def gate_blocks(gate: Gate, baseline: str, variant: str, file: str) -> Blocks:
    """The rungs, the verdict at equal FLOPs and at equal seconds, the least effect seen, and by which slope."""
    expects = any(isfinite(one.expected) for one in gate.rungs)
    rows: list[tuple[str, ...]] = [("rung", "loss", *(["by law"] * expects), "per FLOP", "per second")]
    rows += [
        (
            one.rung,
            f"{one.loss_change:+.4f}",
            *([f"{one.expected:+.4f}" if isfinite(one.expected) else "–"] * expects),
            _words(one.per_flop),
            _words(one.per_second),
        )
        for one in gate.rungs
    ]
    lines: Lines = [
        (Deciding("Per FLOP"), f"{_words(gate.per_flop)}, {_verdict(gate.promoted_per_flop)}"),
        (Deciding("Per second"), f"{_words(gate.per_second)}, {_verdict(gate.promoted_per_second)}"),
    ]
    if isfinite(gate.pair_error):
        seen = f"{2 * gate.pair_error:.4f} nats at a rung: twice the standard error over pairs of seeds"
        lines.append(("Seen from", seen))
    return [
        Table(rows=rows, title=f"{variant} over {baseline}"),
        [*lines, ("Slope", _slope_words(gate.slope)), ("File", file)],
    ]


def _slope_words(slope: ScalingSlope) -> str:
    """Exponent and floor, with what 90 % of their draws hold."""
    words = f"alpha {slope.alpha:.4g}, floor {slope.floor:.4g}"
    if len(slope.alphas):
        (alpha, floor) = (np.quantile(drawn, BAND_ENDS) for drawn in (slope.alphas, slope.floors))
        words = f"alpha {slope.alpha:.4g} ({alpha[0]:.3g} to {alpha[1]:.3g}), floor {slope.floor:.4g} "
        words += f"({floor[0]:.3g} to {floor[1]:.3g}), {len(slope.alphas)} draws"
    return f"{words} ({slope.source})"


def _verdict(promoted: bool) -> str:
    return "promoted" if promoted else "not promoted"


def _words(found: SpeedUp) -> str:
    if not isfinite(found.high):
        return f"{found.value:.2f}x (one seed)"
    return f"{found.value:.2f}x ({found.low:.2f} to {found.high:.3g}, {found.num_seeds} seeds)"
