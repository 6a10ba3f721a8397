"""JSON of models of the user's own, and of labs, beside the plan's designs."""

from dataclasses import dataclass

from optimoe.core.records import same_fields
from optimoe.planner.labs import HoursBasis, TokenBasis
from optimoe.planner.result import LabReference, LocalMove, Scored
from optimoe.report.records.arch import DesignRecord, design_record
from optimoe.report.records.plan.candidate import CandidateRecord, candidate_record


@dataclass(frozen=True, kw_only=True)
class LocalMoveRecord:
    """One change of a scored design, scored again.

    Attributes:
        words: The change.
        arch: The changed design.
        total_usd: Dollars of training and serving at the choice's loss; null where it is not feasible.
        loss: Nats per token on the whole budget; null likewise, and without a budget.
        gain_usd: Dollars that the change saves at the choice's loss; null where either has none.
        gain_gpu_hours: GPU hours that it saves there, of training and serving; null likewise.
        gain_nats: Nats that it saves on the whole budget; null likewise.
    """

    words: str
    arch: DesignRecord
    total_usd: float | None
    loss: float | None
    gain_usd: float | None
    gain_gpu_hours: float | None
    gain_nats: float | None


@dataclass(frozen=True, kw_only=True)
class ScoredRecord:
    """A model of the user's own beside the plan's designs.

    Attributes:
        name: The model's name.
        speculated: Why its shape is no maker's statement; empty where it is.
        candidate: The model trained to the choice's loss; null where it cannot be served or trained, does not
            reach it, or the law may not rank it.
        in_budget: The model trained on the whole budget; null likewise, and without a budget.
        at_tokens: The model trained on the tokens that were stated for it; null likewise, and where none were.
        not_ranked: Why the law may not rank it; empty where it may.
        concerns: What no run behind the law had, of a model that it may rank.
        why: Where its gap to the choice comes from.
        moves: Changes of one thing each, what brings most first.
    """

    name: str
    speculated: str
    candidate: CandidateRecord | None
    in_budget: CandidateRecord | None
    at_tokens: CandidateRecord | None
    not_ranked: str
    concerns: tuple[str, ...]
    why: tuple[str, ...]
    moves: tuple[LocalMoveRecord, ...]


@dataclass(frozen=True, kw_only=True)
class LabRecord:
    """What a lab trained with about the compute of the plan: reference, no part of the choice.

    Attributes:
        name: The model's name in the catalog.
        title: The model's name as its makers write it.
        organisation: Who trained it.
        date: Year and month of its release.
        tokens: Training tokens as stated.
        tokens_basis: How those were stated.
        gpu: The accelerator of the run; empty where not known.
        gpus: How many; 0 where not known.
        gpu_hours: GPU hours of the run; 0 where not known.
        hours_basis: How those were stated; empty where not known.
        train_flops: 6·N_act·D of the run.
        source: Where the tokens were read.
        note: What to know before use.
        scored: The lab's design under the plan's question; ``at_tokens`` is on the lab's own tokens.
    """

    name: str
    title: str
    organisation: str
    date: str
    tokens: float
    tokens_basis: TokenBasis
    gpu: str
    gpus: int
    gpu_hours: float
    hours_basis: HoursBasis
    train_flops: float
    source: str
    note: str
    scored: ScoredRecord


def scored_record(scored: Scored) -> ScoredRecord:
    """A model of the user's own."""
    return ScoredRecord(
        name=scored.spec.name,
        speculated=scored.spec.speculated,
        candidate=candidate_record(scored.candidate) if scored.candidate else None,
        in_budget=candidate_record(scored.in_budget) if scored.in_budget else None,
        at_tokens=candidate_record(scored.at_tokens) if scored.at_tokens else None,
        not_ranked=scored.not_ranked,
        concerns=scored.concerns,
        why=scored.why,
        moves=tuple(_move_record(move) for move in scored.moves),
    )


def _move_record(move: LocalMove) -> LocalMoveRecord:
    return LocalMoveRecord(
        words=move.words,
        arch=design_record(move.spec),
        total_usd=move.candidate.total_usd if move.candidate else None,
        loss=move.in_budget.loss.value if move.in_budget else None,
        gain_usd=move.gain_usd,
        gain_gpu_hours=move.gain_gpu_hours,
        gain_nats=move.gain_nats,
    )


def lab_record(one: LabReference) -> LabRecord:
    """A lab's run and its design."""
    return same_fields(LabRecord, one.lab, scored=scored_record(one.scored))
