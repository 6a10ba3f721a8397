"""A plan that several tests of the report read, made once, and doubts about it."""

from functools import cache

from optimoe.planner.candidate import Candidate
from optimoe.planner.confidence.contending import Axis, Contending
from optimoe.planner.confidence.draws.contest import Chance
from optimoe.planner.confidence.over_laws import LawOpinion, OverLaws
from optimoe.planner.confidence.robust import OverMoney, Robustness
from optimoe.planner.confidence.shadow_prices import Relaxed, ShadowPrice
from optimoe.planner.confidence.sweep_value import SweepValue
from optimoe.planner.confidence.swings import Moved, Swing
from optimoe.planner.confidence.uncertainty import Uncertainty
from optimoe.planner.plan import plan
from optimoe.planner.result import Plan
from tests.planner.asked import problem


@cache
def usual_plan() -> Plan:
    """A plan whose choice routes."""
    return plan(problem(6e22, serve_tokens=5e12))


def moved(choice: Candidate) -> Moved:
    """What is chosen once an input has moved: a design of the plan."""
    return Moved(
        family=choice.family,
        loss=choice.loss.value,
        serve_usd=choice.serve_usd,
        total_usd=choice.total_usd,
    )


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
            sweep=SweepValue(num_runs=26, usd=1_191.0, worth=9_876.0, level_before=0.11, level_after=0.034),
            kept=0.38,
            beyond=("D", "reading"),
        ),
        unknown="",
        swings=(
            Swing(name="MFU", ends=("× 0.75", "× 1.25"), choices=(moved(other), moved(choice))),
            Swing(name="demand", ends=("× 0.5", "× 2"), choices=(moved(choice), moved(choice))),
            Swing(name="TPOT limit", ends=("× 0.7",), choices=(None,)),
        ),
        contending=Contending(
            designs=56,
            of=5526,
            draws=8,
            axes=(
                Axis(name="E", values=(8, 32, 64), space=(1, 8, 32, 64)),
                Axis(name="k", values=(8,), space=(1, 8)),
                Axis(name="active parameters", values=(4.1e9, 9e9), space=(1e9, 5e10), ranged=True),
            ),
        ),
        over_laws=OverLaws(
            opinions=(
                LawOpinion(law="own", drawn=True, chances=(Chance(family=choice.family, probability=1.0),)),
                LawOpinion(law="printed", drawn=False, chances=(Chance(family=other.family, probability=1.0),)),
            ),
            chances=(
                Chance(family=choice.family, probability=0.5),
                Chance(family=other.family, probability=0.5),
            ),
        ),
        over_money=OverMoney(
            drawn=("h100-sxm $2 – $6",), chances=(Chance(family=choice.family, probability=0.997),)
        ),
        shadow_prices=(
            ShadowPrice(
                limit="TPOT",
                unit="ms",
                stated=50.0,
                small=Relaxed(by=1.0, usd=0.0, nats=0.0),
                usual=Relaxed(by=10.0, usd=123_000.0, nats=0.021),
            ),
            ShadowPrice(
                limit="TTFT",
                unit="ms",
                stated=2000.0,
                small=Relaxed(by=40.0, usd=0.0, nats=0.0),
                usual=Relaxed(by=400.0, usd=0.0, nats=float("nan")),
            ),
        ),
    )
