"""What dense size a design is worth: the dense model of equal loss on as many tokens, under one law."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from optimoe.arch.design import dense_twin
from optimoe.arch.params import count_params
from optimoe.arch.spec import ArchSpec
from optimoe.core.arrays import Flags, Values
from optimoe.laws.loss_law import ArchLaw
from optimoe.laws.terms.band import BAND_ENDS
from optimoe.laws.terms.optimum import find_root

LEAST, MOST = 1e-6, 1e9
"""Between these multiples of its twin's size the dense model is looked for: no model is so far from it."""
SIZE = "N"
"""What the symbols of sizes begin with, in every law."""
CUTOFF = "N_cutoff"
"""Output of a law that knows a size above which routing no longer helps."""
ALIKE = 1e-6
"""Two sizes nearer than this are one: what a root leaves."""


@dataclass(frozen=True, kw_only=True)
class EffectiveSize:
    """The dense model that a design is worth. Numbers, or arrays over a grid of designs.

    Attributes:
        params: Parameters of the dense model of equal loss on as many tokens, as the law's dense N counts them;
            infinite where no dense size reaches that loss, NaN where the law knows no dense model.
        low, high: 90 % by the draws of the coefficients, wider by what another reading of the design makes of it;
            NaN where the law has neither. Not in it: that the form may be wrong beyond the runs.
        embeddings: Whether the size counts embeddings.
        cutoff: Size above which routing no longer helps under this law; NaN where it knows none.
        past_cutoff: Whether the design is above it.
        above_total: Whether the size is more than all parameters of the design: the law is far from its runs.
    """

    params: Values
    low: Values
    high: Values
    embeddings: bool
    cutoff: float
    past_cutoff: Flags
    above_total: Flags

    @property
    def known(self) -> bool:
        """Whether the law knows dense models at all."""
        return not np.all(np.isnan(self.params))


def effective_size(law: ArchLaw, arch: ArchSpec, tokens: Values) -> EffectiveSize:
    """The dense model that a design is worth under a law: the m with L_dense(m·N_twin, D) = L(design, D).

    N_twin is the dense model as wide as the experts that a token uses. Of Clark's law this is the effective
    parameter count (EPC), of the expansion family N_eff; other laws have no name for it.

    Args:
        law: The law; its dense models are those of the row that it names, or its own.
        arch: The design, or a grid of them.
        tokens: Training tokens.

    Raises:
        InputError: The law is unusable.
    """
    law.require_usable()
    dense, twin = law.dense_law(), dense_twin(arch)
    counted = dense.size(twin) if dense.sizes else count_params(twin).total
    cutoff = float(law.evaluate(CUTOFF, {})) if CUTOFF in law.outputs else np.nan
    grid = np.zeros(np.broadcast_shapes(np.shape(tokens), np.shape(count_params(arch).total)))[()]

    has_twin = dense.judge(twin).answer == "applicable"

    def worth(asked: ArchLaw, reading: Mapping[str, Values]) -> Values:
        target = _loss(asked, tokens)(reading)
        if not has_twin:  # its variables may have no value at all without experts
            return np.full(np.shape(target), np.nan)[()]
        return _worth(target, asked if dense is law else dense, twin, tokens)

    centre, many = worth(law, law.variables(arch)), law.with_draws()
    drawn = None if many is None else worth(many, many.variables(arch))
    low, high = _band(centre, drawn, [worth(law, reading) for reading in law.other_readings(arch)])
    embeddings = not np.allclose(counted, count_params(twin).nonembedding, rtol=1e-12)
    known = np.where(law.judge(arch).applicable, counted, np.nan) + grid
    known = known if has_twin else known * np.nan
    sizes = count_params(arch)
    total = sizes.nonembedding if not embeddings else sizes.total
    return EffectiveSize(
        params=centre * known,
        low=low * known,
        high=high * known,
        embeddings=embeddings,
        cutoff=cutoff,
        past_cutoff=(np.greater(law.size(arch) if law.sizes else np.nan, cutoff) | (grid > 0))[()],
        above_total=(centre * known > np.multiply(total, 1 + ALIKE))[()],
    )


def _worth(target: Values, dense: ArchLaw, twin: ArchSpec, tokens: Values) -> Values:
    """The multiple m as a number, over a grid, or over draws of the coefficients and a grid; NaN without an N."""
    twins = dense.variables(twin)
    if not any(name.startswith(SIZE) for name in twins):
        return np.full(np.shape(target), np.nan)[()]

    loss = _loss(dense, tokens)

    def above(scale: Values) -> Values:
        scaled = {name: value * scale if name.startswith(SIZE) else value for name, value in twins.items()}
        return target - loss(scaled)

    found = find_root(above, LEAST, MOST, like=above(1.0))
    return np.where(above(MOST) <= 0, np.inf, np.where(above(LEAST) >= 0, 0.0, found))[()]


def _loss(law: ArchLaw, tokens: Values) -> Callable[[Mapping[str, Values]], Values]:
    """L against the law's own variables, with D where it takes one."""
    needed = law.outputs["L"]

    def loss(variables: Mapping[str, Values]) -> Values:
        given = {**variables, "D": tokens}
        return law.evaluate("L", {name: given[name] for name in needed if name in given})

    return loss


def _band(centre: Values, drawn: Values | None, others: Sequence[Values]) -> tuple[Values, Values]:
    """The quantiles of the draws, wider by the ratios of other readings to the first; NaN without either."""
    if drawn is None and not others:
        return centre * np.nan, centre * np.nan
    low, high = centre, centre
    if drawn is not None:
        low, high = (np.quantile(drawn, end, axis=0).reshape(np.shape(centre)) for end in BAND_ENDS)
        low, high = np.minimum(low, centre), np.maximum(high, centre)
    with np.errstate(invalid="ignore"):  # an infinite size has no band: NaN
        ratios = [np.ones_like(centre), *(other / centre for other in others)]
        return (low * np.minimum.reduce(ratios))[()], (high * np.maximum.reduce(ratios))[()]
