"""A verdict on a variant of a sweep, in words."""

from math import isfinite

from optimoe.laws.prediction.speedup import Gate, SpeedUp
from optimoe.report.words.lines import Blocks, Deciding, Lines, Table


def gate_blocks(gate: Gate, baseline: str, variant: str, file: str) -> Blocks:
    """The rungs, the verdict at equal FLOPs and at equal seconds, and by which slope."""
    rows: list[tuple[str, ...]] = [("rung", "loss", "per FLOP", "per second")]
    rows += [
        (one.rung, f"{one.loss_change:+.4f}", _words(one.per_flop), _words(one.per_second)) for one in gate.rungs
    ]
    slope = f"alpha {gate.slope.alpha:.4g}, floor {gate.slope.floor:.4g} ({gate.slope.source})"
    lines: Lines = [
        (Deciding("Per FLOP"), f"{_words(gate.per_flop)}, {_verdict(gate.promoted_per_flop)}"),
        (Deciding("Per second"), f"{_words(gate.per_second)}, {_verdict(gate.promoted_per_second)}"),
        ("Slope", slope),
        ("File", file),
    ]
    return [Table(rows=rows, title=f"{variant} over {baseline}"), lines]


def _verdict(promoted: bool) -> str:
    return "promoted" if promoted else "not promoted"


def _words(found: SpeedUp) -> str:
    if not isfinite(found.high):
        return f"{found.value:.2f}x (one seed)"
    return f"{found.value:.2f}x ({found.low:.2f} to {found.high:.3g}, {found.num_seeds} seeds)"
