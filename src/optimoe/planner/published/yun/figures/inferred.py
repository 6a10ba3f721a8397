"""Which number of experts is cheapest to serve at equal loss, where Yun 2024's coefficients are inferred.

Its headline, asked of every draw of ``yun2024-inferred`` and of the laws of ``LAWS``, with their draws where they
have some. The claims that the draws were inferred from do not hang on prices: the headline is no echo of them.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from jaxtyping import Float, Int

from optimoe.arch.flops import TRAIN_FLOPS_PER_PARAM_TOKEN
from optimoe.core.claims import Series, TextFigure
from optimoe.laws.catalog import find_loss_law
from optimoe.laws.loss_law import LossLaw, TokenCurve
from optimoe.laws.terms.band import BAND_ENDS
from optimoe.planner.designs import Pool
from optimoe.planner.published.yun.answers import HEADLINE_BUDGETS, REFERENCE
from optimoe.planner.published.yun.case import YunCase
from optimoe.planner.published.yun.setting import LAWS, yun_law

INFERRED = "yun2024-inferred"
FEW = (4, 8)
"""The numbers of experts of the headline."""
MIDDLE = HEADLINE_BUDGETS[1]
"""Budget of the best 16 experts in the figure, FLOP; its notes have the others."""


@dataclass(frozen=True, kw_only=True)
class YunDraws:
    """Loss-optimal models at the loss of the best 16 experts of a budget, by draw and number of experts.

    Attributes:
        experts: Numbers of experts that the law ranks.
        usd_per_mtok: Serving prices; infinite where no number of GPUs holds the model.
        flops: Training, 6·N·D with N of the dense twin.
    """

    experts: tuple[int, ...]
    usd_per_mtok: Float[np.ndarray, "draws experts"]
    flops: Float[np.ndarray, "draws experts"]

    @property
    def cheapest(self) -> Int[np.ndarray, " draws"]:
        """The number of experts that is served cheapest, for each draw."""
        return np.array(self.experts)[self.usd_per_mtok.argmin(axis=1)]

    def over_16(self, name: str) -> Float[np.ndarray, "draws experts"]:
        """Prices or FLOPs over those of the 16 experts."""
        values: np.ndarray = getattr(self, name)
        return values / values[:, [self.experts.index(REFERENCE)]]


@cache
def draws_at_loss_of_16(law: str, flops: float) -> YunDraws:
    """Ask every draw of a law, or the law alone, which sizes reach the loss for the least FLOPs."""
    case, own = YunCase(law=law, budget=flops), yun_law(law)
    target = _loss(own, case.pool(REFERENCE), flops).min(axis=1)
    prices, least = [], []
    for count in case.ranked:
        pool = case.pool(count)
        needed = TRAIN_FLOPS_PER_PARAM_TOKEN * pool.params_active * _curve(own, pool).tokens(target[:, None])
        best = needed.argmin(axis=1)
        least.append(np.take_along_axis(needed, best[:, None], axis=1)[:, 0])
        prices.append(pool.usd_per_mtok[best])
    return YunDraws(experts=case.ranked, usd_per_mtok=np.stack(prices, axis=1), flops=np.stack(least, axis=1))


def inferred_figure() -> TextFigure:
    """Serving price at equal loss by number of experts, over that of 16: laws, and the coefficients inferred."""
    drawn = {law: draws_at_loss_of_16(law, MIDDLE) for law in (*LAWS, INFERRED)}
    return TextFigure(
        key="inferred",
        title="Serving price at the loss of the best 16 experts, by law",
        x="experts E",
        y="price over that of 16 experts",
        series=tuple(_series(law, one) for law, one in drawn.items()),
        x_log=True,
        notes=(
            f"training budget of the 16 experts {MIDDLE:.3g} FLOP; 1 to 8 A100-40GB; bands: 90 % of the draws",
            *(_headline_note(flops) for flops in HEADLINE_BUDGETS),
            _saturation_note(),
            "the paper: 4 or 8 experts are cheapest at equal loss, at 2.5 to 3.5 times the training",
        ),
    )


def _series(law: str, drawn: YunDraws) -> Series:
    over = drawn.over_16("usd_per_mtok")
    band = np.quantile(over, BAND_ENDS, axis=0) if len(over) > 1 else ((), ())
    low, high = (tuple(map(float, end)) for end in band)
    middle = tuple(map(float, np.median(over, axis=0)))
    return Series(name=law, x=tuple(map(float, drawn.experts)), y=middle, low=low, high=high)


def _headline_note(flops: float) -> str:
    """In how many draws 4 or 8 experts are cheapest, and what they train, in words."""
    drawn = draws_at_loss_of_16(INFERRED, flops)
    shares = ", ".join(f"{count}: {np.mean(drawn.cheapest == count):.0%}" for count in drawn.experts)
    training = drawn.over_16("flops")
    few = "; ".join(
        f"{count} experts train {middle:.2g}× ({low:.2g} – {high:.2g}) of 16"
        for count, (low, middle, high) in (
            (count, np.quantile(training[:, drawn.experts.index(count)], (BAND_ENDS[0], 0.5, BAND_ENDS[1])))
            for count in FEW
        )
    )
    return f"{INFERRED}, {flops:.3g} FLOP: cheapest by share of draws {shares}; {few}"


def _saturation_note() -> str:
    """Where the inferred number of experts saturates, in words."""
    low, middle, high = np.quantile(find_loss_law(INFERRED).row.draws["E_max"], (BAND_ENDS[0], 0.5, BAND_ENDS[1]))
    return f"E_max of {INFERRED}: {middle:,.0f} ({low:,.0f} – {high:,.0f})"


def _loss(law: LossLaw, pool: Pool, flops: float) -> Float[np.ndarray, "draws designs"]:
    return np.atleast_2d(_curve(law, pool).loss(flops / (TRAIN_FLOPS_PER_PARAM_TOKEN * pool.params_active)))


def _curve(law: LossLaw, pool: Pool) -> TokenCurve:
    return (law.with_draws() or law).arch_curve(pool.grid)
