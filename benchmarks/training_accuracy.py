"""Predicted beside published speed of training runs, and the fit of ``time_scale``.

    python benchmarks/training_accuracy.py

Rows: ``src/optimoe/cost/data/training_claims.toml``, with sources. Prints each row, then errors by source with the
shipped ``time_scale``, and with one that is fitted without the source's own rows (leave one source out).
Then GPU hours of whole runs that labs published beside ours, and the band of hours that follows.
"""

from collections import defaultdict
from dataclasses import replace

import numpy as np

from optimoe.cost.published.training import TrainingClaim, training_claims
from optimoe.cost.training.estimate import TrainEstimate
from optimoe.cost.training.search import best_training
from optimoe.cost.training.setup import training_fact, training_range
from optimoe.planner.hours import LabHours, band_of_hours, held_left_out, lab_hours, lab_run

LINE = "{:<25}{:<17}{:>6} {:<38}{:>9}{:>9}{:>8}  {}"


def bare(claim: TrainingClaim) -> TrainingClaim:
    """The claim under the bare model, without ``time_scale``."""
    return replace(claim, run=replace(claim.run, setup=replace(claim.run.setup, time_scale=1.0)))


def layout_words(estimate: TrainEstimate) -> str:
    """The layout in one cell."""
    layout = estimate.layout
    split = f"tp{layout.tp} ep{layout.ep} pp{layout.pp}x{layout.interleave} dp{layout.dp} z{layout.zero}"
    return f"{split} b{layout.micro_batch} {layout.recompute[:4]}"


def summary(name: str, slow: np.ndarray) -> str:
    """Errors of time: ln(published speed over predicted)."""
    size = np.abs(np.expm1(slow))
    return (
        f"{name:<27}{len(slow):>5}{np.median(size):>9.1%}{np.expm1(np.median(slow)):>+9.1%}"
        f"{np.quantile(size, 0.9):>9.1%}{np.mean(size <= 0.2):>9.0%}"
    )


def middle(groups: dict[str, list[float]]) -> float:
    """Median over sources of each one's median: no source weighs more for having many rows."""
    return float(np.median([np.median(rows) for rows in groups.values()]))


def main() -> None:
    """Print all tables."""
    errors: dict[str, list[float]] = defaultdict(list)
    routed: dict[str, bool] = {}
    fullness: list[float] = []
    print(
        LINE.format("source", "model", "GPUs", "layout", "published", "predicted", "error", "most beyond products")
    )
    for claim in training_claims():
        errors[claim.group].append(float(np.log(bare(claim).predict().tokens_per_s / claim.tokens_per_s)))
        routed[claim.group] = claim.routed
        ours = claim.predict()
        mfu = claim.mfu * ours.tokens_per_s / claim.tokens_per_s
        row = [claim.group, claim.model, claim.run.cluster.num_gpus, layout_words(ours)]
        row += [f"{claim.mfu:.1%}", f"{mfu:.1%}", f"{mfu / claim.mfu - 1:+.0%}"]
        print(LINE.format(*row, f"{ours.step.largest}{'' if ours.memory.fits else ', does not fit'}"))
        fullness.append(float(ours.memory.total / ours.memory.usable))
    report(errors, routed)
    over = np.array([share for share in fullness if share > 1])
    print(f"{len(over)} of {len(fullness)} runs, all of which ran, are predicted not to fit: ", end="")
    print(f"{np.median(over):.2f} of the usable memory in the median, {over.max():.2f} at most")


def report(errors: dict[str, list[float]], routed: dict[str, bool]) -> None:
    """Errors by source with ``time_scale`` fitted without it, and over all."""
    left_out, scales = {}, []
    print(f"\n{'left out':<27}{'rows':>5}{'median':>9}{'bias':>9}{'90 %':>9}{'in 20 %':>9}{'scale':>8}")
    for name, rows in errors.items():
        scale = middle({other: values for other, values in errors.items() if other != name})
        scales.append(scale)
        left_out[name] = np.array(rows) - scale
        print(f"{summary(name, left_out[name])}{np.exp(scale):>8.3f}")
    for kind, chosen in (("dense", False), ("routed", True)):
        print(
            summary(f"each source, {kind}", np.concatenate([left_out[n] for n in errors if routed[n] == chosen]))
        )
    every = np.concatenate(list(left_out.values()))
    print(summary("each source", every))
    print(summary("without time_scale", np.concatenate([np.array(rows) for rows in errors.values()])))
    low, high = np.exp(np.quantile(every, [0.05, 0.95]))
    spread = f"{np.exp(min(scales)):.3f} to {np.exp(max(scales)):.3f} without one source"
    print(f"\ntime_scale {np.exp(middle(errors)):.3f} ({spread}), shipped {training_fact('time_scale')}")
    print(f"5 to 95 % of predicted/published {low:.2f} to {high:.2f}, shipped {training_range('mfu_error')}")


HOURS = "{:<22}{:>6} {:<10}{:>9}{:>7}{:>12}{:>12}{:>8}  {}"


def hours_line(row: LabHours, kind: str) -> str:
    """One run: published hours, ours, and the layout."""
    run, ours = row.estimate.run, row.estimate
    gpus = f"{run.cluster.num_gpus}{'' if row.lab.gpus else '*'}"
    batch = f"{ours.batch_tokens / 1e6:.1f}M"
    hours = [f"{row.lab.gpu_hours:,.0f}", f"{row.predicted:,.0f}", f"{row.ratio:.2f}"]
    return HOURS.format(
        row.lab.title, gpus, run.cluster.accelerator.name, batch, f"{ours.mfu_bf16():.0%}", *hours, kind
    )


def hours_report() -> None:
    """Published hours beside ours, and the band with each row left out."""
    print("\nGPU hours of whole runs; *: GPUs not published, as many as 60 days take")
    print(HOURS.format("model", "GPUs", "", "batch", "MFU", "published", "ours", "ratio", "hours are"))
    for row in sorted(
        lab_hours(), key=lambda row: (not row.counts, row.lab.hours_basis != "published", row.ratio)
    ):
        print(hours_line(row, row.lab.hours_basis if row.counts else f"{row.lab.hours_basis}, left out"))
    ratios = np.array([row.ratio for row in lab_hours() if row.counts])
    low, high = band_of_hours(ratios)
    print(
        f"band {low:.2f} to {high:.2f} (shipped {training_range('hours_error')}), median {np.median(ratios):.2f};",
        end="",
    )
    print(f" holds {held_left_out(ratios):.0%} of {len(ratios)} runs, each left out")
    lab = next(row.lab for row in lab_hours() if row.lab.name == "deepseek-v3")
    own = LabHours(lab=lab, estimate=best_training(lab.spec, lab_run(lab, 15_360 * 4096)))
    print(f"with its own batch:\n{hours_line(own, 'published')}")


if __name__ == "__main__":
    main()
    hours_report()
