"""A plan in the order in which a person reads it: what decides, the answer, what stands beside it, its doubts."""

from optimoe.planner.confidence.robust import Robustness
from optimoe.planner.result import Plan
from optimoe.report.words.lines import Blocks, Lines, labelled
from optimoe.report.words.plan.alternatives import alternatives_table, by_law_table
from optimoe.report.words.plan.choice import choice_lines
from optimoe.report.words.plan.confidence import laws_sentences, robustness_sentences
from optimoe.report.words.plan.headline import headline
from optimoe.report.words.plan.question import question_lines
from optimoe.report.words.plan.scored import lab_lines, scored_lines


def plan_blocks(plan: Plan, robustness: Robustness | None = None) -> Blocks:
    """A plan from the sentence that decides to its cautions, in blocks."""
    return [
        headline(plan),
        question_lines(plan.problem),
        choice_lines(plan),
        alternatives_table(plan),
        by_law_table(plan) if plan.by_law else "",
        beside_lines(plan),
        doubt_lines(plan, robustness),
    ]


def beside_lines(plan: Plan) -> Lines:
    """Why this and not another, and what is known of the models of one's own."""
    return [
        *labelled("Why", plan.reasons),
        *labelled("Scored", scored_lines(plan)),
        *labelled("Labs", lab_lines(plan)),
    ]


def doubt_lines(plan: Plan, robustness: Robustness | None) -> Lines:
    """How sure it is, what other laws would train, and where it leaves what was seen."""
    return [
        *labelled("Sure", robustness_sentences(plan, robustness) if robustness else []),
        *labelled("Laws", laws_sentences(plan)),
        *labelled("Careful", plan.warnings),
    ]
