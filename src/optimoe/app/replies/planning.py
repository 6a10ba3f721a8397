"""The answer to a plan: the choice, how sure it is, and why."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from optimoe.app.notes import warn, warn_without_price
from optimoe.app.replies.reply import Reply
from optimoe.app.waiting import stage
from optimoe.inputs.plan import PlanRequest

if TYPE_CHECKING:
    from optimoe.planner.confidence.robust import Robustness
    from optimoe.planner.result import Plan


@dataclass(frozen=True, kw_only=True)
class Planned:
    """A plan that was made.

    Attributes:
        plan: It.
        robustness: How sure it is; none where that was left out.
        reply: Its record and words.
    """

    plan: "Plan"
    robustness: "Robustness | None"
    reply: Reply


def plan(
    request: PlanRequest, *, quick: bool = False, explain: bool = False, near: bool = False, brief: bool = False
) -> Planned:
    """The model to train, for a budget, a traffic and hardware.

    Args:
        request: The question.
        quick: Leave out how sure the choice is.
        explain: With the chain of numbers from the inputs to the choice.
        near: Look only at the designs near an earlier plan of this process, where it made one of the same space
            and hardware; how sure the choice is is left out then.
        brief: Leave out that and what stands beside the choice but the lowest loss.
    """
    from optimoe.planner.explain.chain import chain
    from optimoe.planner.plan import plan as solve
    from optimoe.report.records.plan.plan import plan_record
    from optimoe.report.words.chain_prose import chain_lines
    from optimoe.report.words.plan.answer import plan_blocks
    from optimoe.report.words.plan.scored import moves_table

    problem = request.problem()
    if not problem.lifetime_tokens:
        warn("traffic: none is stated, so that serving costs nothing: state --requests-per-s or --serve-tokens")
    priced = [(deployment.cluster.accelerator, deployment.price) for deployment in problem.deployments]
    priced.append((problem.training.accelerator, problem.training.price))
    for name, price in dict.fromkeys((accelerator.name, price) for accelerator, price in priced):
        warn_without_price(name, price, request.prices)
    with stage("choosing among the designs"):
        result = solve(problem, near=near, brief=brief, anew=not near)
    robustness = None
    if not (quick or near or brief):
        from optimoe.planner.confidence.robust import assess

        with stage("asking how sure the choice is"):
            robustness = assess(result)
    links = chain(result) if explain else None
    changes = moves_table(result, result.scored[-1]) if request.scored.start else ""
    reply = Reply(
        record=lambda: plan_record(result, robustness, links),
        blocks=lambda: [*plan_blocks(result, robustness), changes, chain_lines(links) if links else ""],
        page=lambda: _page(result, robustness),
    )
    return Planned(plan=result, robustness=robustness, reply=reply)


def _page(result: "Plan", robustness: "Robustness | None") -> str:
    from optimoe.report.pages.plan_page import plan_page

    return plan_page(result, robustness)
