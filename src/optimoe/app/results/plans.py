"""How plans, and models that are scored under one, show themselves."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from optimoe.app.results.blocks import BlocksView

if TYPE_CHECKING:
    from optimoe.inputs.sources import ModelLike
    from optimoe.planner.confidence.robust import Robustness
    from optimoe.planner.result import Plan, Scored
    from optimoe.report.words.lines import Blocks


class PlanView(BlocksView):
    """A plan: the answer of the command, its designs, and the figures of its page."""

    def __init__(self, plan: "Plan") -> None:
        self.plan = plan

    def blocks(self) -> "Blocks":
        """The answer, without how sure it is, which takes as long as the plan."""
        from optimoe.report.words.plan.answer import plan_blocks

        return plan_blocks(self.plan)

    def columns(self) -> Mapping[str, Sequence[Any]]:
        """Every design in a row."""
        from optimoe.report.tables.results import plan_columns

        return plan_columns(self.plan)

    def figures(self) -> Mapping[str, Callable[[], Any]]:
        """Dollars, what a token waits for, the front, and the choice's family by size."""
        from optimoe.planner.confidence.overtraining import size_curve
        from optimoe.report.pages.figures import plan as figures

        plan = self.plan
        drawn = {
            "total": lambda: figures.total_figure(plan),
            "tpot": lambda: figures.parts_figure(plan.choice.serving),
        }
        if plan.front:
            drawn["front"] = lambda: figures.front_figure(plan)
        if curve := size_curve(plan):
            drawn["size"] = lambda: figures.size_figure(plan, curve)
        return drawn

    def save(self, folder: Path, robustness: "Robustness | None", force: bool) -> list[Path]:
        """Write what the command writes: plan.html, plan.json and the winner."""
        from optimoe.report.pages.plan_page import write_plan

        return write_plan(self.plan, folder, robustness, force=force)

    def score(self, design: "ModelLike", tokens: float | None) -> "Scored":
        """A model of one's own beside a plan that is made already."""
        from optimoe.inputs.sources import read_model
        from optimoe.planner.explain.scoring.score import score

        stated = () if tokens is None else (float(tokens),)
        asked = replace(self.plan.problem, scored=(read_model(design),), score_tokens=stated)
        return score(asked, self.plan.choice, self.plan.lowest_loss)[0]


class ScoredView(BlocksView):
    """A model of one's own, trained to the choice's loss, on the whole budget, and on its own tokens."""

    def __init__(self, scored: "Scored") -> None:
        self.scored = scored

    def blocks(self) -> "Blocks":
        """What it reaches and takes, and where its gap to the choice comes from."""
        from optimoe.report.words.plan.scored import scored_alone

        return scored_alone(self.scored)

    def columns(self) -> Mapping[str, Sequence[Any]]:
        """A row for each way to train it."""
        from optimoe.report.tables.results import scored_columns

        return scored_columns(self.scored)

    def figures(self) -> Mapping[str, Callable[[], Any]]:
        """Dollars of training and of serving it."""
        from optimoe.report.pages.figures.plan import scored_figure

        return {"total": lambda: scored_figure(self.scored)}
