"""Laws over several corpora in words: what is shared, what each corpus has of its own, what carries over."""

from collections.abc import Sequence

import numpy as np

from optimoe.laws.effects import SCALE
from optimoe.laws.fitting.anchoring import Anchored
from optimoe.laws.fitting.hierarchy import HierarchicalFit, HierarchyDraws, LeftOut
from optimoe.report.words.lines import Deciding, Lines, labelled


def corpora_lines(
    fitted: HierarchicalFit, drawn: HierarchyDraws | None, *, level: float, basis: str = ""
) -> Lines:
    """A law over corpora: verdict, shared coefficients, each corpus, the spread between them."""
    own = next(iter(fitted.runs)) if basis else None
    law = fitted.corpora[own] if own else fitted.law
    lines = [
        (Deciding("Law"), f"{fitted.law.name}, family {law.family}: {fitted.verdict.replace('_', ' ')}"),
        (
            "Fit",
            f"{sum(fitted.runs.values())} runs of {_corpora(len(fitted.runs))}, {fitted.objective_name} "
            f"{fitted.objective:.9g}, {fitted.agree} of {fitted.starts} starts agree, "
            f"condition {fitted.condition:.3g}",
        ),
    ]
    lines += labelled("Prior", [basis] if basis else [])
    if fitted.at_bound:
        lines.append(("At bound", ", ".join(fitted.at_bound)))
    if fitted.verdict == "ill_conditioned":
        lines.append(("Weakest", f"the runs do not tell {', '.join(fitted.weakest)} apart"))
    draws = drawn.coefficients(own) if drawn else {}
    lines += [(name, _coefficient(fitted, name, value, draws, level)) for name, value in law.coefficients.items()]
    lines += labelled("Corpora", [_corpus(fitted, name) for name in fitted.runs])
    spread = ", ".join(f"{name} ± {std:.2g}" for name, std in fitted.spread.std().items())
    lines += labelled("Between", [f"{spread} (scale: of its logarithm)"] if spread else [])
    return lines


def _coefficient(
    fitted: HierarchicalFit, name: str, value: float, draws: dict[str, np.ndarray], level: float
) -> str:
    words = f"{value:.5g}"
    if name in draws and np.ptp(draws[name]) > 0:
        low, high = np.quantile(draws[name], (0.5 - level / 2, 0.5 + level / 2))
        words += f"  ({low:.4g} to {high:.4g} at {level:.0%})"
    if name in fitted.learned:
        words += f"  {fitted.learned[name]:.0%} of the prior's deviation is left"
    return words


def _corpus(fitted: HierarchicalFit, name: str) -> str:
    effects = ", ".join(
        f"scale {value:.3f}" if effect == SCALE else f"{effect} {value:+.3f}"
        for effect, value in fitted.effects[name].items()
    )
    own = f"{effects}, " if effects else ""
    return (
        f"{name}: {fitted.runs[name]} runs, {own}rmse of ln L {fitted.rmse_log[name]:.4f}, "
        f"residual scale {fitted.residual_scale[name]:.3g}"
    )


def carried_table(left_out: Sequence[LeftOut]) -> list[tuple[str, ...]]:
    """One row a corpus: errors in nats after one scale, one offset, one run, and what the bands of 90 % hold."""
    rows: list[tuple[str, ...]] = [
        ("Left out", "Runs", "One scale", "One offset", "Both", "One run", "Band, no run", "Band, one run", "Fit")
    ]
    for one in left_out:
        carried = one.carried
        rows.append(
            (
                one.corpus,
                str(one.runs),
                f"{carried.scale:.4f}",
                f"{carried.offset:.4f}",
                f"{carried.both:.4f}",
                f"{carried.one_run:.4f}",
                f"{one.unseen.inside:.0%} ±{one.unseen.half_width:.2g}",
                f"{one.after_one_run.inside:.0%} ±{one.after_one_run.half_width:.2g}",
                one.verdict.replace("_", " "),
            )
        )
    return rows


def anchored_lines(found: Anchored) -> Lines:
    """What the runs changed, and the law that comes out."""
    lines = [(Deciding("Anchored"), found.statement), ("Known", found.basis)]
    lines.append(("Residuals", f"scale {found.residual_scale:.3g} of ln L, rmse of the runs {found.rmse_log:.4f}"))
    lines += [(name, f"{value:.5g}") for name, value in found.law.coefficients.items()]
    return lines


def _corpora(count: int) -> str:
    return "1 corpus" if count == 1 else f"{count} corpora"
