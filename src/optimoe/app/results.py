"""How the results of the doors show themselves: the words, pages, tables and figures of the command line."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from optimoe.arch.count import ArchCount
from optimoe.core.errors import require_choice
from optimoe.core.results.shown import View

if TYPE_CHECKING:
    from optimoe.cost.serving.estimate import ServingEstimate
    from optimoe.inputs.sources import ModelLike
    from optimoe.laws.fitting import Fit
    from optimoe.loadtest.results.measurement import Measurement
    from optimoe.planner.confidence.robust import Robustness
    from optimoe.planner.result import Plan, Scored
    from optimoe.report.words.lines import Blocks


def view(result: Any) -> View:
    """How a result is shown; each kind loads what it needs."""
    if isinstance(result, ArchCount):
        return CountView(result)
    name = type(result).__name__
    return {"Plan": PlanView, "Fit": FitView, "ServingEstimate": ServingView, "Measurement": MeasurementView}[
        name
    ](result)


class BlocksView(View):
    """A result whose words are blocks; a kind of result says which, its table, and its figures."""

    @abstractmethod
    def blocks(self) -> "Blocks":
        """The words of the result."""

    def text(self, width: int | None) -> str:
        """The words, no wider than a width."""
        from optimoe.report.words.layout import blocks_text

        return "\n".join(blocks_text(self.blocks(), width))

    def html(self) -> str:
        """The words as a piece of a page."""
        from optimoe.report.pages.fragment import blocks_html

        return blocks_html(self.blocks())


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

    def figure(self, kind: str) -> Any:
        """``total``, ``front``, ``tpot`` or ``size``."""
        from optimoe.planner.confidence.overtraining import size_curve
        from optimoe.report.pages.figures import plan as figures
        from optimoe.report.pages.figures.style import by_itself

        plan = self.plan
        drawn = {
            "total": lambda: figures.total_figure(plan),
            "tpot": lambda: figures.parts_figure(plan.choice.serving),
        }
        if plan.front:
            drawn["front"] = lambda: figures.front_figure(plan)
        if curve := size_curve(plan):
            drawn["size"] = lambda: figures.size_figure(plan, curve)
        require_choice(kind or "total", "kind", drawn)
        return by_itself(drawn[kind or "total"]())

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


class CountView(BlocksView):
    """How a counted model is shown in Python."""

    def __init__(self, counted: ArchCount) -> None:
        self.counted = counted

    def blocks(self) -> "Blocks":
        """Parameters, FLOPs and bytes."""
        from optimoe.report.words.arch_prose import counted_lines

        return [counted_lines(self.counted)]

    def columns(self) -> Mapping[str, Sequence[Any]]:
        """The columns of its only row."""
        from optimoe.report.tables.results import count_columns

        return count_columns(self.counted)

    def figure(self, kind: str) -> Any:
        """Refuse: there is no figure of a count."""
        require_choice(kind, "kind", ())


class ServingView(BlocksView):
    """A model that is served, or a grid of them."""

    def __init__(self, estimate: "ServingEstimate") -> None:
        self.estimate = estimate

    def blocks(self) -> "Blocks":
        """Latency, throughput and price."""
        from optimoe.report.words.served.estimate_prose import estimate_lines

        return [estimate_lines(self.estimate)]

    def columns(self) -> Mapping[str, Sequence[Any]]:
        """A row for each point of the grid."""
        from optimoe.report.tables.results import serving_columns

        return serving_columns(self.estimate)

    def figure(self, kind: str) -> Any:
        """``tpot``: what a decoded token waits for."""
        from optimoe.report.pages.figures.plan import parts_figure
        from optimoe.report.pages.figures.style import by_itself

        require_choice(kind or "tpot", "kind", ("tpot",))
        return by_itself(parts_figure(self.estimate))


class MeasurementView(BlocksView):
    """How an endpoint under load is shown in Python."""

    def __init__(self, measured: "Measurement") -> None:
        self.measured = measured

    def blocks(self) -> "Blocks":
        """Every level, with what must be known of it."""
        from optimoe.report.words.served.measured_prose import measured_blocks

        return measured_blocks(self.measured)

    def columns(self) -> Mapping[str, Sequence[Any]]:
        """The levels, one in a row."""
        from optimoe.report.tables.results import measurement_columns

        return measurement_columns(self.measured)

    def figure(self, kind: str) -> Any:
        """Refuse: there is no figure of a measurement."""
        require_choice(kind, "kind", ())


class FitView(BlocksView):
    """How a fitted law is shown in Python."""

    def __init__(self, fitted: "Fit") -> None:
        self.fitted = fitted

    def blocks(self) -> "Blocks":
        """Verdict, coefficients and residuals."""
        from optimoe.report.words.law_prose import fit_lines

        return [fit_lines(self.fitted, {}, None)]

    def columns(self) -> Mapping[str, Sequence[Any]]:
        """The coefficients, one in a row."""
        from optimoe.report.tables.results import fit_columns

        return fit_columns(self.fitted)

    def figure(self, kind: str) -> Any:
        """There is none without the runs: ``laws fit --page`` draws them."""
        require_choice(kind, "kind", ())
