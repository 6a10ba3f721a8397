"""Laws of other papers and data that may rank the choice and others beside it."""

from collections.abc import Iterator

import numpy as np

from optimoe.laws.loss_law import LossLaw
from optimoe.planner.confidence.draws.contest import contest
from optimoe.planner.confidence.draws.lineup import Index, Lineup
from optimoe.planner.plan import usable_laws
from optimoe.planner.result import Plan

NEAR = 500
"""Designs that are kept for each further law, the nearest to the choice under it."""


def rivals(result: Plan, lineup: Lineup) -> Iterator[tuple[LossLaw, Index]]:
    """The laws of other papers and data that may rank the choice and some other number of experts beside it.

    Each with the places of the designs that come nearest to the choice under it.
    """
    own = result.problem.law
    for law in usable_laws(own):
        if law.row.behind == own.row.behind:
            continue
        there = lineup.under(law)
        ranked = {family.num_experts for family, may in zip(there.families, there.possible, strict=True) if may}
        if there.ranked[-1] and len(ranked) > 1 and not law.blind_to(there.ranked_grids):
            yield law, np.argsort(contest(result, there).apart[0], kind="stable")[:NEAR]
