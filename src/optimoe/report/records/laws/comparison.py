"""JSON of ``optimoe laws compare`` and ``decide``: one question under every law."""

from collections.abc import Sequence
from dataclasses import dataclass

from optimoe.core.records import same_fields
from optimoe.laws.compare import Comparison, LawVerdict
from optimoe.laws.law import Bound, Status


@dataclass(frozen=True, kw_only=True)
class EffectiveSizeRecord:
    """The dense model of equal loss on as many tokens, under one law.

    Attributes:
        params: Its parameters; null where the law knows no dense model, or none reaches that loss.
        low: Lower end of 90 % by the draws of the coefficients and other readings of the design; null without.
        high: Upper end; null likewise.
        embeddings: Whether these sizes count embeddings.
        cutoff: Size above which routing no longer helps under this law; null where it knows none.
        past_cutoff: Whether the design is above it.
        above_total: Whether the size is more than all parameters of the design: the law is far from its runs.
    """

    params: float | None
    low: float | None
    high: float | None
    embeddings: bool
    cutoff: float | None
    past_cutoff: bool
    above_total: bool


@dataclass(frozen=True, kw_only=True)
class OpinionRecord:
    """The loss of a design under one law.

    Attributes:
        law: The law's name.
        source: Paper and place.
        status: The status of its coefficients.
        loss: Nats per token on that law's own corpus.
        low: Lower end of 90 % of the loss, by the law's scatter and draws; null when neither is known.
        high: Upper end; null likewise.
        fit: Verdict of the fit behind it and what it is about; empty for a published law.
        baseline: The law that gives the dense loss; empty when there is none.
        dense_loss: Loss of the dense model of equal active size on as many tokens; null when there is none.
        difference: ``loss − dense_loss``, comparable between laws; null when there is none.
        worth: What dense size the design is worth.
        decades_beyond: How far outside the fitted range, |log10| by symbol; 0 inside.
        inside: Whether everything is stated, and inside the fitted range.
        assumed: Whether the law reads the design by a mapping.
        reading: How, with its source; empty where it needs none.
        concerns: What no run behind the law had.
        unstated: What is not known of them.
    """

    law: str
    source: str
    status: Status
    loss: float
    low: float | None
    high: float | None
    fit: str
    baseline: str
    dense_loss: float | None
    difference: float | None
    worth: EffectiveSizeRecord
    decades_beyond: dict[str, float]
    inside: bool
    assumed: bool
    reading: str
    concerns: tuple[str, ...]
    unstated: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class AdviceRecord:
    """What a law without a loss says about a design.

    Attributes:
        law: The law's name.
        source: Paper and place.
        inputs: The design in the law's own variables, by symbol.
        outputs: Its outputs by symbol.
        decades_beyond: How far inputs and outputs lie outside the fitted range, |log10| by symbol; 0 inside.
        unstated: Inputs whose range nobody stated.
        concerns: What no run behind the law had.
    """

    law: str
    source: str
    inputs: dict[str, float | None]
    outputs: dict[str, float | None]
    decades_beyond: dict[str, float]
    unstated: tuple[str, ...]
    concerns: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class NotApplicableRecord:
    """A law that does not apply to a design.

    Attributes:
        law: The law's name.
        reason: Why it does not apply.
    """

    law: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class LawAnswerRecord:
    """One law's answer to one question.

    Attributes:
        law: The law's name.
        value: The answer.
        decades_beyond: How far outside the fitted range the law's own optimum lies, |log10| by symbol.
        unstated: Symbols of that optimum whose range nobody stated.
        evidence: The data set behind the law, or its paper: laws of one count once.
        bound: ``at least`` or ``at most`` where the law's search ended there: a bound and no best value.
    """

    law: str
    evidence: str
    value: float
    decades_beyond: dict[str, float]
    unstated: tuple[str, ...]
    bound: Bound


@dataclass(frozen=True, kw_only=True)
class LawVerdictRecord:
    """One question at a budget under every law that answers it.

    Attributes:
        question: What is asked, such as ``num_experts`` or ``tokens_per_param``.
        answers: The smallest first.
        agree: Whether all answers lie within a factor of 1.5, and none is the end of a search.
        words: The same as a sentence.
    """

    question: str
    answers: tuple[LawAnswerRecord, ...]
    agree: bool
    words: str


@dataclass(frozen=True, kw_only=True)
class LawComparisonRecord:
    """One design under every law.

    Attributes:
        arch: The design's name, and who guessed its shape where its makers published none.
        tokens: Training tokens.
        train_flops: 6·N_act·D, the budget of the verdicts.
        opinions: Losses.
        advice: Outputs of laws without a loss.
        silent: Laws that do not apply to it.
        verdicts: Decisions at the budget.
    """

    arch: str
    tokens: float
    train_flops: float
    opinions: tuple[OpinionRecord, ...]
    advice: tuple[AdviceRecord, ...]
    silent: tuple[NotApplicableRecord, ...]
    verdicts: tuple[LawVerdictRecord, ...]


@dataclass(frozen=True, kw_only=True)
class DecisionsRecord:
    """What each law would decide at a training budget.

    Attributes:
        train_flops: The budget.
        verdicts: Decisions, a question each.
    """

    train_flops: float
    verdicts: tuple[LawVerdictRecord, ...]


def law_comparison_record(comparison: Comparison) -> LawComparisonRecord:
    """One design under every law."""
    return same_fields(
        LawComparisonRecord,
        comparison,
        opinions=tuple(
            same_fields(OpinionRecord, opinion, worth=same_fields(EffectiveSizeRecord, opinion.worth))
            for opinion in comparison.opinions
        ),
        advice=tuple(same_fields(AdviceRecord, advice) for advice in comparison.advice),
        silent=tuple(same_fields(NotApplicableRecord, law) for law in comparison.silent),
        verdicts=tuple(law_verdict_record(verdict) for verdict in comparison.verdicts),
    )


def law_verdict_record(verdict: LawVerdict) -> LawVerdictRecord:
    """One question under every law that answers it."""
    answers = tuple(same_fields(LawAnswerRecord, answer) for answer in verdict.answers)
    return same_fields(LawVerdictRecord, verdict, answers=answers)


def decisions_record(train_flops: float, verdicts: Sequence[LawVerdict]) -> DecisionsRecord:
    """What each law would decide at a budget."""
    return DecisionsRecord(
        train_flops=train_flops, verdicts=tuple(law_verdict_record(verdict) for verdict in verdicts)
    )
