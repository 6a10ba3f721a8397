"""The choice under other laws that may rank it, each by its own draws."""

from dataclasses import dataclass

from optimoe.planner.confidence.draws.asked import DrawnPlan
from optimoe.planner.confidence.draws.contest import Chance


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


def over_laws(asked: DrawnPlan, own: tuple[Chance, ...]) -> OverLaws:
    """Ask every law that may rank the choice and some other number of experts.

    Args:
        asked: The designs.
        own: What the plan's own law says.
    """
    opinions = [LawOpinion(law=asked.law.law.row.name, drawn=asked.law.known, chances=own)]
    for (law, _), found in zip(asked.under_rivals, asked.by_rivals(with_money=False), strict=True):
        opinions.append(LawOpinion(law=law.law.row.name, drawn=law.known, chances=found.chances()))
    return OverLaws(opinions=tuple(opinions), chances=_together(opinions))


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
