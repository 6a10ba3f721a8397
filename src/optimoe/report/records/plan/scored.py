"""JSON of a model of the user's own beside the plan's designs."""

from dataclasses import dataclass

from optimoe.planner.result import Scored
from optimoe.report.records.plan.candidate import CandidateRecord, candidate_record


@dataclass(frozen=True, kw_only=True)
class ScoredRecord:
    """A model of the user's own beside the plan's designs.

    Attributes:
        name: The model's name.
        speculated: Why its shape is no maker's statement; empty where it is.
        candidate: The model trained to the choice's loss; null where it cannot be served or trained, does not
            reach it, or the law may not rank it.
        in_budget: The model trained on the whole budget; null likewise, and without a budget.
        not_ranked: Why the law may not rank it; empty where it may.
        concerns: What no run behind the law had, of a model that it may rank.
    """

    name: str
    speculated: str
    candidate: CandidateRecord | None
    in_budget: CandidateRecord | None
    not_ranked: str
    concerns: tuple[str, ...]


def scored_record(scored: Scored) -> ScoredRecord:
    """A model of the user's own."""
    return ScoredRecord(
        name=scored.spec.name,
        speculated=scored.spec.speculated,
        candidate=candidate_record(scored.candidate) if scored.candidate else None,
        in_budget=candidate_record(scored.in_budget) if scored.in_budget else None,
        not_ranked=scored.not_ranked,
        concerns=scored.concerns,
    )
