"""A plan that several tests of the report read, made once, and doubts about it."""

from functools import cache

from optimoe.planner.confidence.robust import Robustness, Swing
from optimoe.planner.confidence.sweep_value import SweepValue
from optimoe.planner.confidence.uncertainty import Chance, Uncertainty
from optimoe.planner.plan import plan
from optimoe.planner.result import Plan
from tests.planner.asked import problem


@cache
def usual_plan() -> Plan:
    """A plan whose choice routes."""
    return plan(problem(6e22, serve_tokens=5e12))


@cache
def doubts() -> Robustness:
    """How sure that plan might be: one input decides, one does not, one leaves nothing feasible."""
    choice = usual_plan().choice
    other = next(
        item.candidate for item in usual_plan().alternatives if item.candidate and item.family != choice.family
    )
    return Robustness(
        uncertainty=Uncertainty(
            draws=8,
            chances=(
                Chance(family=choice.family, probability=0.75),
                Chance(family=other.family, probability=0.25),
            ),
            mean_regret=12_345.0,
            worst_regret=23_456.0,
            unit="usd",
            loss_low=1.9,
            loss_high=2.1,
            sweep=SweepValue(num_runs=26, usd=1_191.0, worth=9_876.0),
        ),
        unknown="",
        swings=(
            Swing(name="MFU", ends=("× 0.75", "× 1.25"), choices=(other, choice)),
            Swing(name="demand", ends=("× 0.5", "× 2"), choices=(choice, choice)),
            Swing(name="TPOT limit", ends=("× 0.7",), choices=(None,)),
        ),
    )
