"""``optimoe plan``: which model to train."""

from pathlib import Path

from optimoe.app.cli.printing import print_json, print_lines
from optimoe.inputs.designs import DataOptions, GoalOptions, SpaceOptions
from optimoe.inputs.quantities import Flag, Quantity
from optimoe.inputs.traffic import ServeOptions
from optimoe.inputs.training import PriceOptions, TrainOptions
from optimoe.laws.catalog import find_loss_law
from optimoe.planner.confidence.robust import assess
from optimoe.planner.explain.chain import Link, chain
from optimoe.planner.plan import plan as solve
from optimoe.planner.problem.problem import Problem
from optimoe.report.records.plan.plan import plan_record


def plan(
    *,
    train: TrainOptions = TrainOptions(),  # noqa: B008 (frozen)
    serve: ServeOptions = ServeOptions(),  # noqa: B008
    price: PriceOptions = PriceOptions(),  # noqa: B008
    goal: GoalOptions = GoalOptions(),  # noqa: B008
    space: SpaceOptions = SpaceOptions(),  # noqa: B008
    data: DataOptions = DataOptions(),  # noqa: B008
    serve_tokens: Quantity = 0.0,
    law: str = "ludziejewski2025",
    explain: Flag = False,
    quick: Flag = False,
    out: Path | None = None,
    json: Flag = False,
) -> None:
    """From a budget, a traffic and hardware to the model to train.

    Args:
        train: Budget of the training run.
        serve: Hardware, requests and limits.
        price: Dollars of GPU hours.
        goal: What counts as best.
        space: Designs to choose from.
        data: Training tokens at hand.
        serve_tokens: Output tokens over the model's life; their prompts come with them.
        law: Loss law: a name of `optimoe laws list`, or a law file.
        explain: Print the chain of numbers from the inputs to the choice, each with its basis and source.
        quick: Leave out how sure the choice is: draws of the law, and what each input would change.
        out: Folder for plan.html, plan.json and winner/ (the current one; with --json only where stated).
        json: One JSON object instead of text.
    """
    deployments = serve.deployments(price)
    training = train.training(default_gpu=serve.gpu_name, prices=price)
    problem = Problem(
        deployments=deployments,
        training=training,
        lifetime_tokens=serve.lifetime_tokens(serve_tokens),
        law=find_loss_law(law),
        goal=goal.goal(),
        space=space.space(training),
        data=data.data(),
    )
    result = solve(problem)
    robustness = None if quick or explain else assess(result)
    if explain and not json:
        print_lines([(link.name, link_words(link)) for link in chain(result)])
        return
    if not json:
        from optimoe.report.words.plan_prose import plan_lines

        print_lines(plan_lines(result, robustness))
    if out is not None or not json:
        from optimoe.report.pages.plan_page import write_plan

        files = write_plan(result, out or Path(), robustness)
        if not json:
            print("\n" + "  ".join(str(file) for file in files))
    if json:
        print_json(plan_record(result, robustness, chain(result) if explain else None))


def link_words(link: Link) -> str:
    """Value, where it comes from, and how well that is known."""
    source = f": {link.source}" if link.source else ""
    return f"{link.value} = {link.formula} [{link.basis.value}{source}]"
