"""Ratios of expert to attention FLOPs that labs built, beside Li's r* at their sparsity and budget."""

from dataclasses import dataclass

import numpy as np

from optimoe.arch.catalog import find_model
from optimoe.core.claims import Series, TextFigure
from optimoe.laws.compare import Advice, compare
from optimoe.laws.factors.attention import RATIO_LAW

ASSUMED_TOKENS = 1e12
"""Training tokens of models whose labs published none: assumed, as r* moves as their 0.11th to 0.18th power."""

SLIGHT = 1.05
"""A value so much past the end of a range is rounded to it, and not said to be outside."""


@dataclass(frozen=True, kw_only=True)
class LabModel:
    """A model of the catalog and what is known of its training tokens.

    Attributes:
        model: Its name in the catalog.
        tokens: Training tokens.
        source: Where they stand; empty for assumed ones.
    """

    model: str
    tokens: float = ASSUMED_TOKENS
    source: str = ""


LABS = (
    LabModel(model="mixtral-8x7b"),
    LabModel(model="mixtral-8x22b"),
    LabModel(model="dbrx"),
    LabModel(model="olmoe-1b-7b", tokens=5.1e12, source="its report"),
    LabModel(model="qwen3-30b-a3b"),
    LabModel(model="qwen3-30b-a3b", tokens=36e12, source="its report"),
    LabModel(model="deepseek-v3", tokens=14.8e12, source="its report, arXiv 2412.19437"),
    LabModel(model="kimi-k2"),
)
"""In the order of their active share, largest first."""


def labs_ratios() -> TextFigure:
    """Labs' ratios of experts to attention beside r* at their sparsity and budget, and how far outside the fit."""
    points = [_point(lab) for lab in LABS]
    span = (min(min(point.x) for point in points) / 1.5, max(max(point.x) for point in points) * 1.5)
    return TextFigure(
        key="labs",
        title="Labs' ratios of experts to attention beside r* at their sparsity and budget",
        x="r of the model, FLOPs of experts over those of attention at 4096 tokens",
        y="r* by Li's law at its active share and training FLOPs; band: a tenth and ten times the tokens",
        series=(*points, Series(name="r = r*", x=span, y=span)),
        x_log=True,
        y_log=True,
        notes=(
            "not in the text: its law asked about models that it was not fitted on",
            "fitted on E = 16 to 128 with 2 routed and 1 shared expert active, up to 1e21 FLOP, r swept from 0.2 "
            "to 1.5: no r* above 1.5 was ever seen",
            "shared experts count as stated; feed-forwards of layers that do not route are in neither r nor r*",
        ),
    )


def _point(lab: LabModel) -> Series:
    advice, fewer, more = (_advice(lab.model, lab.tokens * times) for times in (1.0, 0.1, 10.0))
    said = f"{lab.tokens / 1e12:g}T tokens"
    return Series(
        name=f"{lab.model}, {said}",
        x=(float(advice.inputs["r"]),),
        y=(_best(advice),),
        low=(_best(fewer),),
        high=(_best(more),),
        note=f"S {float(advice.inputs['S']):.3f}, C {float(advice.inputs['C']):.2g} FLOP; {_outside(advice)}; "
        + (f"tokens by {lab.source}" if lab.source else "tokens assumed"),
    )


def _advice(model: str, tokens: float) -> Advice:
    (advice,) = compare(find_model(model), tokens, [RATIO_LAW]).advice
    return advice


def _best(advice: Advice) -> float:
    return float(advice.outputs["r_star"])


def _outside(advice: Advice) -> str:
    """How many times beyond what was fitted, by name."""
    names = {"C": "C", "1-S": "active share", "r": "r", "r_star": "r*"}
    far = {name: 10.0 ** float(np.asarray(advice.decades_beyond[symbol])) for symbol, name in names.items()}
    words = [f"{name} {times:.3g}×" for name, times in far.items() if times > SLIGHT]
    return f"beyond the fit: {', '.join(words)}" if words else "inside the fit"
