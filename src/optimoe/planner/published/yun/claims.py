"""The claims of Yun et al. 2024 (arXiv 2404.02852) under laws that are published, and what ours hangs on."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial

from optimoe.core.claims import Claim, Range, Reproduction, judged, printed_range
from optimoe.core.config import build, load_facts
from optimoe.core.errors import InfeasibleError
from optimoe.planner.published.yun.case import YunCase
from optimoe.planner.published.yun.quantities import (
    DENSE_ONLY,
    OF_DENSE,
    OF_NO_LAW,
    QUANTITIES,
)
from optimoe.planner.published.yun.setting import (
    AT_ONE_EXPERT,
    BASE,
    CHANGES,
    LAWS,
    PAPER,
    ROUTED_ONLY,
    RULED_OUT,
    TEXT,
    YunSetting,
)

NO_DENSE = f"{ROUTED_ONLY}, a law of MoEs, has no dense model to compare with"

BOUNDS = "<>≤≥"


@dataclass(frozen=True, kw_only=True)
class YunCause:
    """A possible cause of a difference beside the changes of the setting; what is left out is the claim's.

    Attributes:
        words: What is done otherwise.
        quantity: Another reading, a key of ``QUANTITIES``.
        budgets: Other training FLOPs.
        law: Another law, for a claim about dense models.
    """

    words: str
    quantity: str = ""
    budgets: tuple[float, ...] = ()
    law: str = ""


@dataclass(frozen=True, kw_only=True)
class YunClaim:
    """A number or range that the text states, and the quantity that it is about.

    Attributes:
        claim: The claim in words.
        printed: As printed.
        quantity: A key of ``QUANTITIES``.
        budgets: Training FLOPs that it is stated for.
        where: Place in the text.
        note: Remark on how it is read.
        cause: What is run beside the changes of the setting.
    """

    claim: str
    printed: str
    quantity: str
    budgets: tuple[float, ...]
    where: str = ""
    note: str = ""
    cause: tuple[YunCause, ...] = field(default_factory=tuple)

    @property
    def whole(self) -> bool:
        """Whether all of ours is to lie inside: a range or a bound holds for every budget, a number for some."""
        return " to " in self.printed or self.printed[0] in BOUNDS


def yun_claims() -> tuple[YunClaim, ...]:
    """Every claim of the file, the headline first."""
    rows = load_facts("optimoe.planner", "yun2024.toml")["claim"]
    return tuple(build(YunClaim, row, where="yun2024.toml") for row in rows)


def reproduce_yun() -> list[Reproduction]:
    """Judge every claim under every law of ``LAWS`` that may answer it."""
    return [_judged(claim, law) for claim in yun_claims() for law in laws_of(claim.quantity)]


def laws_of(quantity: str) -> tuple[str, ...]:
    """The laws that may answer: one for what no law touches; of dense against routed none of MoEs alone."""
    if quantity in OF_NO_LAW:
        return LAWS[:1]
    return tuple(law for law in LAWS if law != ROUTED_ONLY or quantity in DENSE_ONLY or quantity not in OF_DENSE)


def _judged(row: YunClaim, law: str) -> Reproduction:
    claim = Claim(
        text=TEXT,
        claim=row.claim,
        law="" if row.quantity in OF_NO_LAW else law,
        where=row.where,
        printed=row.printed,
        published=printed_range(row.printed),
        whole=row.whole,
        reason=row.note,
        assumes=_assumed(law, row.quantity),
        stressed=True,
        ruled_out=RULED_OUT,
    )
    return judged(claim, over_budgets(row.quantity, law, row.budgets), _causes(row, law))


def _causes(row: YunClaim, law: str) -> Iterator[tuple[str, Callable[[], Range]]]:
    for words, setting in CHANGES.items():
        yield words, partial(over_budgets, row.quantity, law, row.budgets, setting)
    for other in laws_of(row.quantity):
        if other != law:
            yield f"another law, {other}", partial(over_budgets, row.quantity, other, row.budgets)
    for cause in row.cause:
        if law not in laws_of(cause.quantity or row.quantity):
            continue
        changed = partial(
            over_budgets, cause.quantity or row.quantity, cause.law or law, cause.budgets or row.budgets
        )
        yield cause.words, changed


def _assumed(law: str, quantity: str) -> str:
    """On what assumptions a law ranks the designs that a claim is about; empty where there are none."""
    if quantity in OF_NO_LAW:
        return ""
    if quantity in DENSE_ONLY:
        return f"by assumption: {AT_ONE_EXPERT}" if law == ROUTED_ONLY else ""
    assumptions = YunCase(law=law, budget=1.0).pool(BASE).standing.assumptions
    said = [f"by assumption: {', '.join(assumptions)}"] if assumptions else []
    return "; ".join([*said, *([NO_DENSE] if quantity in OF_DENSE else [])])


def over_budgets(quantity: str, law: str, budgets: Sequence[float], setting: YunSetting = PAPER) -> Range:
    """Lowest and highest of a quantity over budgets; NaN where no design does it."""
    ranges = [_at(quantity, law, budget, setting) for budget in budgets]
    lows, highs = zip(*ranges, strict=True)
    return (math.nan, math.nan) if any(map(math.isnan, lows)) else (min(lows), max(highs))


def _at(quantity: str, law: str, budget: float, setting: YunSetting) -> Range:
    try:
        value = QUANTITIES[quantity](YunCase(law=law, budget=budget, setting=setting))
    except InfeasibleError:
        value = math.nan
    return value if isinstance(value, tuple) else (value, value)
