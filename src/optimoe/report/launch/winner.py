"""The folder of a plan's winner: its model, its run and its proxies as files, and what launches and serves it."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from optimoe import __version__
from optimoe.core.errors import InfeasibleError
from optimoe.core.records import to_json, to_record
from optimoe.core.run import RunSpec, runs_toml
from optimoe.planner.result import Plan
from optimoe.planner.runs.proxies import Proxy, ladder
from optimoe.planner.runs.specs import proxy_runs, winner_run
from optimoe.report.launch.config import winner_config
from optimoe.report.launch.megatron import megatron_arguments
from optimoe.report.launch.sglang import sglang_command
from optimoe.report.launch.vllm import vllm_command
from optimoe.report.records.plan.candidate import planned_design_record

FLOPS_CONVENTION = "6ND, active"

WINNER_FILES = ("config.json", "recipe.toml", "megatron.args", "vllm.sh", "sglang.sh", "proxies.toml")
"""What the folder may hold of ours; of these, what a new plan does not write is removed."""

PLAN_FILES = ("plan.html", "plan.json", *(f"winner/{name}" for name in WINNER_FILES))
"""What a plan may leave in its folder."""


def winner_files(plan: Plan) -> dict[str, str]:
    """The text of each file by its name, out of :data:`WINNER_FILES`."""
    contents = {
        "config.json": to_json(winner_config(plan)) + "\n",
        "recipe.toml": recipe_toml(plan),
        "megatron.args": megatron_arguments(plan),
        "vllm.sh": vllm_command(plan),
    }
    if plan.choice.deployment.engine.name == "sglang":
        contents["sglang.sh"] = sglang_command(plan)
    with suppress(InfeasibleError):  # a winner so small that it is its own proxy
        contents["proxies.toml"] = proxies_toml(proxy_runs(plan), ladder(plan.choice, plan.problem.space))
    return contents


def recipe_toml(plan: Plan) -> str:
    """The winner's run, which :func:`optimoe.core.run.load_runs` reads, beside what the plan predicts of it."""
    head = f"Written by optimoe {__version__}: the run that trains the winner, and what the plan predicts of it."
    return runs_toml([winner_run(plan)], plan=_predicted(plan), comment=head)


def proxies_toml(runs: Sequence[RunSpec], proxies: Sequence[Proxy]) -> str:
    """The ladder as runs, the smallest first, beside what the plan predicts that each takes."""
    head = f"Written by optimoe {__version__}: small runs of the winner's family, for a law of one's own."
    if any(group.mixer.recurrent for proxy in proxies for group in proxy.spec.layers):
        head += " `optimoe train` builds no linear attention: another trainer runs them."
    flops = {run.name: proxy.train_flops for run, proxy in zip(runs, proxies, strict=True)}
    return runs_toml(runs, plan={"flops_convention": FLOPS_CONVENTION, "train_flops": flops}, comment=head)


def _predicted(plan: Plan) -> dict[str, Any]:
    """What the plan says of its winner: the model in words, what its training takes, and the loss it reaches."""
    choice, law, run = plan.choice, plan.problem.law.row, plan.problem.training.run
    return {
        "model": {"config": "config.json", **to_record(planned_design_record(choice))},
        "training": {
            "tokens": choice.tokens,
            "train_flops": choice.training.flops,
            "flops_convention": FLOPS_CONVENTION,
            **({"batch_tokens": run.batch_tokens} if run is not None else {}),
            "mfu": choice.training.mfu,
            "gpu_hours": choice.training.gpu_hours,
            "usd": choice.training.usd,
        },
        "predicted": {
            "loss": choice.loss.value,
            "loss_low": choice.loss.low,
            "loss_high": choice.loss.high,
            "law": law.name,
            "law_source": law.source,
        },
    }
