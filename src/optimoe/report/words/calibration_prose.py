"""A calibration in labelled lines."""

from pathlib import Path

from optimoe.core.units import format_seconds
from optimoe.cost.calibration import Accuracy, Calibration
from optimoe.cost.calibration.reach import holds_for_others, rows_of
from optimoe.report.words.lines import Deciding, Lines, labelled

VERDICTS = {
    "better": "nearer to unseen records than the model as it ships",
    "no_better": "no nearer to unseen records than the model as it ships: do not use it",
}
SCALES = {
    "decode_scale": "kernels of a decode step",
    "prefill_scale": "kernels of a prompt",
}
TIMES = {"front_s": "front end", "step_s": "engine, per step", "request_s": "engine, per request in a step"}


def calibration_lines(calibration: Calibration) -> Lines:
    """Engine, factors with intervals, and errors before and after."""
    dates = dict.fromkeys((calibration.measured_from, calibration.measured_to))
    one = f"{calibration.engine} {calibration.engine_version}, measured {' to '.join(dates)}"
    models = ", ".join(map(short_model, calibration.models))
    lines: Lines = [
        (Deciding("Calibration"), f"{calibration.name}: {VERDICTS[calibration.verdict]}"),
        ("Engine", one),
        ("Records", f"{calibration.records} of {models} on {', '.join(calibration.gpus)}"),
        ("Holds for", reach_words(calibration)),
        *labelled("Left out", calibration.left_out),
    ]
    for name, words in SCALES.items():
        interval = calibration.intervals[name]
        value = getattr(calibration.factors, name)
        lines.append((words, f"× {value:.2f}  ({interval.low:.2f} – {interval.high:.2f}, {interval.level:.0%})"))
    for name, words in TIMES.items():
        interval = calibration.intervals[name]
        low, high = format_seconds(interval.low), format_seconds(interval.high)
        value = format_seconds(getattr(calibration.factors, name))
        lines.append((words, f"{value}  ({low} – {high}, {interval.level:.0%})"))
    lines.append((Deciding("Held out"), calibration.held_out))
    pairs = {
        "TPOT": (calibration.before.tpot, calibration.fitted.tpot, calibration.after.tpot),
        "TTFT": (calibration.before.ttft, calibration.fitted.ttft, calibration.after.ttft),
    }
    for latency, (before, fitted, after) in pairs.items():
        stages = {"before": before, "fitted": fitted, "held out": after}
        words = " · ".join(f"{stage} {accuracy_words(errors)}" for stage, errors in stages.items())
        lines.append((latency, words))
    return lines


def reach_words(calibration: Calibration) -> str:
    """Where a calibration holds: on which engine, GPUs, precisions and models."""
    rows = rows_of(calibration)
    where = dict.fromkeys(f"{Path(row.gpu).stem} {row.precision}".strip() for row in rows)
    models = "any model" if holds_for_others(calibration) else "these models alone"
    return f"{calibration.engine} on {', '.join(where)}, {models}; elsewhere the shipped factors stand"


def short_model(model: str) -> str:
    """A model by the name of its file or of its folder, where it is no name of the catalog."""
    path = Path(model)
    return path.parent.name if path.name == "config.json" and path.parent.name else path.name.removesuffix(".json")


def accuracy_words(accuracy: Accuracy) -> str:
    """The median error of a latency, its bias, and the share of the records that are near."""
    return f"{accuracy.median_error:.1%} (bias {accuracy.bias:+.0%}, {accuracy.within_20:.0%} within 20 %)"
