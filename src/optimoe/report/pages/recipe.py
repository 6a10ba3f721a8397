"""The winner as a training recipe: architecture and run in one TOML file."""

from optimoe import __version__
from optimoe.core.config import to_toml
from optimoe.core.records import to_record
from optimoe.planner.result import Plan, arch_record


def recipe_toml(plan: Plan) -> str:
    """A recipe: the run's size and what it is predicted to reach; ``config.json`` beside it is the model."""
    choice, law = plan.choice, plan.problem.law.row
    rows = {
        "model": {"config": "config.json", **arch_record(choice.spec, choice.params)},
        "run": {
            "tokens": choice.tokens,
            "train_flops": choice.training.flops,
            "flops_convention": "6ND, active",
            "mfu": choice.training.mfu,
            "gpu_hours": choice.training.gpu_hours,
        },
        **({"layout": to_record(choice.training.layout)} if choice.training.layout else {}),
        "predicted": {
            "loss": choice.loss.value,
            "loss_low": choice.loss.low,
            "loss_high": choice.loss.high,
            "law": law.name,
            "law_source": law.source,
        },
    }
    return to_toml(
        rows, f"Written by optimoe {__version__}: the model to train, and what it is predicted to reach."
    )
