"""The choice under other laws that may rank it, each by its own draws."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from optimoe.planner.confidence.draws.contest import Chance, contest, under_draws
from optimoe.planner.confidence.draws.law import draws_or_certain
from optimoe.planner.confidence.draws.lineup import Lineup
from optimoe.planner.plan import usable_laws
from optimoe.planner.result import Plan

DRAWS = 20
"""Draws of each further law: shares of families, and no tails."""


@dataclass(frozen=True, kw_only=True)
class LawOpinion:
    """One law on the designs of a plan.

    Attributes:
        law: Its name.
        drawn: Whether its coefficients were drawn; otherwise they are taken as published.
        chances: Numbers of experts that are the best in some draw, the likeliest first.
    """

    law: str
    drawn: bool
    chances: tuple[Chance, ...]


@dataclass(frozen=True, kw_only=True)
class OverLaws:
    """The laws that may rank the choice and other numbers of experts beside it, one for each paper.

    Attributes:
        opinions: Of each of them, the plan's own first.
        chances: Over all, each law's draws counted alike.
    """

    opinions: tuple[LawOpinion, ...]
    chances: tuple[Chance, ...]


def over_laws(result: Plan, lineup: Lineup, own: tuple[Chance, ...], *, drawn: bool) -> OverLaws:
    """Ask every law that may rank the choice and some other number of experts.

    Args:
        result: The plan.
        lineup: The designs, the choice last.
        own: What the plan's own law says.
        drawn: Whether its coefficients were drawn for that.
    """
    law = result.problem.law
    opinions = [LawOpinion(law=law.row.name, drawn=drawn, chances=own), *_others(result, lineup)]
    return OverLaws(opinions=tuple(opinions), chances=_together(opinions))


def _others(result: Plan, lineup: Lineup) -> Iterator[LawOpinion]:
    own = result.problem.law
    for law in usable_laws(own):
        if law.row.behind == own.row.behind:
            continue
        there = lineup.under(law)
        ranked = [family for family, may in zip(there.families, there.possible, strict=True) if may]
        if not there.ranked[-1] or len({family.num_experts for family in ranked}) < 2 or law.blind_to(there.grids):
            continue
        draws = draws_or_certain(law, DRAWS)
        found = contest(result, under_draws(result, there, draws))
        if np.all(np.isfinite(found.own_loss)):
            yield LawOpinion(law=law.row.name, drawn=draws.known, chances=found.chances())


def _together(opinions: list[LawOpinion]) -> tuple[Chance, ...]:
    """Shares over laws that count alike; of each number of experts the family of the law that is surest."""
    shares: dict[int, float] = {}
    surest: dict[int, Chance] = {}
    for chance in (chance for opinion in opinions for chance in opinion.chances):
        experts = chance.family.num_experts
        shares[experts] = shares.get(experts, 0.0) + chance.probability / len(opinions)
        if experts not in surest or chance.probability > surest[experts].probability:
            surest[experts] = chance
    ordered = sorted(shares.items(), key=lambda share: -share[1])
    return tuple(Chance(family=surest[experts].family, probability=share) for experts, share in ordered)
