"""JSON of what else could be trained: the best of each family at the choice's loss."""

from dataclasses import dataclass

from optimoe.core.records import same_fields
from optimoe.planner.result import Alternative
from optimoe.report.records.plan.candidate import CandidateRecord, candidate_record
from optimoe.report.records.plan.space import FamilyRecord, family_record


@dataclass(frozen=True, kw_only=True)
class AlternativeRecord(CandidateRecord, FamilyRecord):
    """The cheapest design of a family at the choice's loss, the family's own fields first."""


@dataclass(frozen=True, kw_only=True)
class InfeasibleFamilyRecord(FamilyRecord):
    """A family of which no design reaches the choice's loss within the limits, or that the law may not rank.

    Attributes:
        feasible: Always false.
        not_ranked: Why the law may rank none of the family; empty where it may.
    """

    feasible: bool = False
    not_ranked: str = ""


def alternative_record(item: Alternative) -> AlternativeRecord | InfeasibleFamilyRecord:
    """A family at the choice's loss."""
    family = family_record(item.family)
    if item.candidate is None:
        return same_fields(InfeasibleFamilyRecord, family, feasible=False, not_ranked=item.not_ranked)
    return AlternativeRecord(**vars(family), **vars(candidate_record(item.candidate)))
