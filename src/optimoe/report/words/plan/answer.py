"""A plan in labelled lines, in the order in which a person reads it."""

from optimoe.planner.confidence.robust import Robustness
from optimoe.planner.result import Plan
from optimoe.report.words.lines import Lines, labelled
from optimoe.report.words.plan.alternatives import alternative_lines
from optimoe.report.words.plan.choice import choice_lines
from optimoe.report.words.plan.confidence import robustness_sentences
from optimoe.report.words.plan.laws import laws_sentences
from optimoe.report.words.plan.question import question_lines
from optimoe.report.words.plan.scored import scored_words


def plan_lines(plan: Plan, robustness: Robustness | None = None) -> Lines:
    """A plan from the question to its cautions."""
    lines = question_lines(plan.problem)
    lines += [("", "")]
    lines += choice_lines(plan)
    lines += [("", ""), *labelled("Instead", alternative_lines(plan))]
    lines += labelled("Scored", [scored_words(plan, one) for one in plan.scored])
    lines += labelled("Why", plan.reasons)
    lines += labelled("Laws", laws_sentences(plan))
    if robustness is not None:
        lines += labelled("Sure", robustness_sentences(plan, robustness))
    lines += labelled("Careful", plan.warnings)
    return lines
