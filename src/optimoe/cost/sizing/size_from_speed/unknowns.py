"""What nobody sees from outside, each put in another way, and how far the sizes move with it."""

import math
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

import numpy as np

from optimoe.core.grid import take
from optimoe.core.provenance import Basis
from optimoe.cost.calibration import calibration_names, find_calibration
from optimoe.cost.engines.engine import Engine
from optimoe.cost.engines.served import formats_of_a_design
from optimoe.cost.serving.accuracy.amounts import base as base_width
from optimoe.cost.serving.estimate import Deployment, evaluate
from optimoe.cost.sizing.size_from_speed.ladder import ExpertCount, Ladder, TypicalShape, ladders
from optimoe.cost.sizing.size_from_speed.observed import Move, Observed

Unknown = Literal["precision", "margin", "utilisation", "drafts", "engine", "depth", "width"]
"""What an observer cannot see, beside the error of the cost model."""

LARGEST_MARGIN, LEAST_UTILISATION = 0.7, 0.5
"""How far margin and utilisation are moved where they are not stated (assumed: nobody publishes them)."""

DRAFTS, ACCEPTANCE = 3, 0.7
"""Speculative decoding that an observer cannot see (assumed: a short draft that is mostly accepted)."""

LOWER_PRECISIONS = ("fp8", "int8")
"""Eight bits in place of sixteen: the first one that the GPU computes in."""

DEEPER = 2.0
"""Layers over those of the typical shape, at the same width (assumed: Qwen3 235B has 3 times as many)."""

NARROWER = 2 / 3
"""Feed-forward over that of the typical shape: attention is then 27 % of a dense model's layers in place of 20 %
(assumed: it is 30 % of what a token of DeepSeek-V3 uses)."""


@dataclass(frozen=True, kw_only=True)
class Assumed:
    """Everything that a size is computed from, known or not.

    Attributes:
        observed: What was seen, and what is assumed of margin, utilisation and batch.
        deployment: GPUs, requests and engine.
        shape: What the models of the ladder have in common.
        error: Predicted over real seconds: above 1 the real engine is faster than the cost model says.
    """

    observed: Observed
    deployment: Deployment
    shape: TypicalShape
    error: float = 1.0

    @property
    def limited(self) -> Deployment:
        """The deployment with the speed as a limit, and every limit as the cost model with its error sees it."""
        limits, speed = self.deployment.limits, self.observed.tokens_per_s
        tpot_s = min(limits.tpot_s, 1 / speed) if speed else limits.tpot_s
        kept = replace(limits, tpot_s=tpot_s * self.error, ttft_s=limits.ttft_s * self.error)
        return replace(self.deployment, limits=kept)

    @property
    def cost_usd_per_mtok(self) -> float:
        """The most that a million output tokens may cost, as the cost model sees it."""
        return self.observed.cost_usd_per_mtok * self.error

    def climb(self, kinds: Sequence[ExpertCount]) -> list[Ladder]:
        """Serve the ladders of all these numbers of experts."""
        return ladders(self.shape, kinds, self.limited, self.observed.concurrency or None)

    def running(self, engine: Engine) -> "Assumed":
        """Everything as assumed, but on another engine."""
        return replace(self, deployment=replace(self.deployment, engine=engine))


@dataclass(frozen=True, kw_only=True)
class OtherWay:
    """One unknown put in another way.

    Attributes:
        words: What is assumed, and what instead.
        basis: Where the other value comes from.
        under: Everything that a size is then computed from.
    """

    words: tuple[str, str]
    basis: Basis
    under: Assumed


def moves(
    base: Assumed, kinds: Sequence[ExpertCount], central: Sequence[Ladder], stated: Collection[Unknown]
) -> Iterator[Move]:
    """How the sizes change with each unknown put in another way, and with the error of the cost model.

    Args:
        base: What the sizes assume.
        kinds: Numbers of experts.
        central: Their ladders under ``base``.
        stated: What is known, and stays.
    """
    open_questions = ("cost model", *(unknown for unknown in get_args(Unknown) if unknown not in stated))
    for unknown in open_questions:
        for other in _OTHER_WAYS[unknown](base, central):
            under = other.under
            same = under.limited == base.limited and under.shape == base.shape
            sizes = [ladder.sizes(under.cost_usd_per_mtok) for ladder in (central if same else under.climb(kinds))]
            yield Move(
                unknown=unknown,
                assumed=other.words[0],
                instead=other.words[1],
                basis=other.basis,
                params_total=tuple(total for total, _ in sizes),
                params_active=tuple(active for _, active in sizes),
            )


def band(size: float, moved: Sequence[float]) -> tuple[float, float]:
    """The low and the high end of a size: moves in each direction, added as squares of logarithms.

    ln(high/size)² = Σ ln(move/size)² over the moves upwards, as if the unknowns were independent; low likewise. A
    move to nothing (0) takes the low end to 0; a size of 0 has the largest of its moves as its high end.
    """
    if size == 0:
        return 0.0, max(moved, default=0.0)
    with np.errstate(divide="ignore"):
        logs = np.log(np.array([*moved, size]) / size)
    down, up = (np.sqrt(np.sum(np.square(part))) for part in (np.minimum(logs, 0), np.maximum(logs, 0)))
    return float(size * np.exp(-down)), float(size * np.exp(up))


def _cost_model(base: Assumed, _: Any) -> Iterator[OtherWay]:
    """Ends of predicted over measured TPOT where all but the model was measured, as in the band of an estimate."""
    width = base_width("tpot")
    for error in (math.exp(-width.up), math.exp(width.down)):
        words = "as predicted", f"seconds {1 / error - 1:+.0%}"
        yield OtherWay(words=words, basis=Basis.MEASURED, under=replace(base, error=error))


def _precision(base: Assumed, _: Any) -> Iterator[OtherWay]:
    engine = base.deployment.engine
    own, peaks = formats_of_a_design(engine)[0], base.deployment.cluster.accelerator.peak_flops_per_s
    lower = next((name for name in LOWER_PRECISIONS if name in peaks and own == "bf16"), None)
    if lower is not None:
        other = replace(engine, execution=replace(engine.execution, precision=lower))
        yield OtherWay(words=(own, lower), basis=Basis.ASSUMED, under=base.running(other))


def _margin(base: Assumed, _: Any) -> Iterator[OtherWay]:
    yield from _of_the_price(base, margin=LARGEST_MARGIN)


def _utilisation(base: Assumed, _: Any) -> Iterator[OtherWay]:
    yield from _of_the_price(base, utilisation=LEAST_UTILISATION)


def _of_the_price(base: Assumed, **share: float) -> Iterator[OtherWay]:
    """Another share of the price for the GPUs, where there is a price."""
    if np.isfinite(base.observed.usd_per_mtok):
        ((name, value),) = share.items()
        words = f"{getattr(base.observed, name):.0%}", f"{value:.0%}"
        under = replace(base, observed=replace(base.observed, **share))
        yield OtherWay(words=words, basis=Basis.ASSUMED, under=under)


def _drafts(base: Assumed, _: Any) -> Iterator[OtherWay]:
    engine = replace(base.deployment.engine, draft_tokens=DRAFTS, acceptance=ACCEPTANCE)
    words = "none", f"{DRAFTS} a step, {ACCEPTANCE:.0%} accepted"
    yield OtherWay(words=words, basis=Basis.ASSUMED, under=base.running(engine))


def _engine(base: Assumed, central: Sequence[Ladder]) -> Iterator[OtherWay]:
    """The fastest and the slowest engine version that was measured, told by the largest model that is served."""
    ladder = max(central, key=lambda one: one.sizes(base.cost_usd_per_mtok))
    last = ladder.last(base.cost_usd_per_mtok)
    model, serving = take(ladder.models, last), take(ladder.serving, last)
    versions = {name: find_calibration(name).factors.on(base.deployment.engine) for name in calibration_names()}

    def tpot_s(name: str) -> float:
        deployment = replace(base.deployment, engine=versions[name])
        return float(evaluate(model, deployment, layout=serving.layout, concurrency=serving.concurrency).tpot_s)

    for name in (min(versions, key=tpot_s), max(versions, key=tpot_s)):
        yield OtherWay(words=("shipped", name), basis=Basis.MEASURED, under=base.running(versions[name]))


def _depth(base: Assumed, _: Any) -> Iterator[OtherWay]:
    deeper = replace(base.shape, aspect=base.shape.aspect / DEEPER)
    words = f"d/{base.shape.aspect:g} layers", f"d/{deeper.aspect:g} layers"
    yield OtherWay(words=words, basis=Basis.ASSUMED, under=replace(base, shape=deeper))


def _width(base: Assumed, _: Any) -> Iterator[OtherWay]:
    narrower = replace(base.shape, ffn_ratio=base.shape.ffn_ratio * NARROWER)
    words = f"{base.shape.ffn_ratio:.3g}·d wide", f"{narrower.ffn_ratio:.3g}·d wide"
    yield OtherWay(words=words, basis=Basis.ASSUMED, under=replace(base, shape=narrower))


_OTHER_WAYS: dict[str, Callable[[Assumed, Sequence[Ladder]], Iterator[OtherWay]]] = {
    "cost model": _cost_model,
    "precision": _precision,
    "margin": _margin,
    "utilisation": _utilisation,
    "drafts": _drafts,
    "engine": _engine,
    "depth": _depth,
    "width": _width,
}
