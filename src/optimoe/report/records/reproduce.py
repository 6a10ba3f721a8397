"""JSON of ``optimoe reproduce``: numbers of published texts beside ours."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from msgspec import UNSET, UnsetType

from optimoe.core.records import same_fields
from optimoe.cost.published.catalog import Reproduction
from optimoe.planner.published.verdict import ClaimVerdict
from optimoe.planner.published.yun import YunAnswer

Range = tuple[float | None, float | None]


@dataclass(frozen=True, kw_only=True)
class ReproductionRecord:
    """A published number beside ours.

    Attributes:
        claim: The claim in words.
        published: The printed number.
        ours: Our number.
        verdict: ``reproduced``, ``explained`` or ``not_reproduced``.
        reason: Why it differs; empty where it does not.
    """

    claim: str
    published: float
    ours: float | None
    verdict: Literal["reproduced", "explained", "not_reproduced"]
    reason: str


@dataclass(frozen=True, kw_only=True)
class ClaimVerdictRecord:
    """A published claim under one law.

    Attributes:
        claim: The claim in words.
        law: The law's name.
        published: Lowest and highest value that the printed number stands for.
        ours: Lowest and highest value of ours; null ends where no design does it.
        verdict: ``reproduced``, ``explained`` or ``not_reproduced``.
        reason: Why it differs; empty where it does not.
    """

    claim: str
    law: str
    published: Range
    ours: Range
    verdict: Literal["reproduced", "explained", "not_reproduced"]
    reason: str


@dataclass(frozen=True, kw_only=True)
class YunAnswerRecord:
    """The questions of Yun et al. 2024 for one number of experts under one law; null: no design does it.

    Attributes:
        law: The law's name.
        flops: Training FLOPs of the budget.
        experts: Number of experts.
        params: Size of the lowest loss, as they count it.
        tokens: Training tokens of the lowest loss.
        loss: The lowest loss, nats per token.
        usd_per_mtok: Its serving price, dollars per million output tokens.
        over_trained: The smallest size with the loss of the best four experts, over ``params``.
        equal_quality_cost: Serving price of that size over that of the best four experts.
        equal_cost_loss: The lowest loss at the serving price of the best four experts.
    """

    law: str
    flops: float
    experts: int
    params: float | None
    tokens: float | None
    loss: float | None
    usd_per_mtok: float | None
    over_trained: float | None
    equal_quality_cost: float | None
    equal_cost_loss: float | None


@dataclass(frozen=True, kw_only=True)
class ReproductionsRecord:
    """The claims of a published text, re-derived.

    Attributes:
        text: The text's key.
        rows: Its claims: numbers by its own formulas, or ranges under laws that are published.
        answers: Its questions answered; only for yun2024.
    """

    text: str
    rows: tuple[ReproductionRecord | ClaimVerdictRecord, ...]
    answers: tuple[YunAnswerRecord, ...] | UnsetType = UNSET


def reproductions_record(
    text: str, rows: Sequence[Reproduction | ClaimVerdict], answers: Sequence[YunAnswer] = ()
) -> ReproductionsRecord:
    """The claims of a text, with the answers to its questions where it asks some."""
    return ReproductionsRecord(
        text=text,
        rows=tuple(_row_record(row) for row in rows),
        answers=tuple(same_fields(YunAnswerRecord, answer) for answer in answers) or UNSET,
    )


def _row_record(row: Reproduction | ClaimVerdict) -> ReproductionRecord | ClaimVerdictRecord:
    if isinstance(row, Reproduction):
        return same_fields(ReproductionRecord, row)
    return same_fields(ClaimVerdictRecord, row)
