"""The winner as a training recipe: architecture and run in one TOML file."""

from optimoe import __version__
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
    lines = [f"# Written by optimoe {__version__}: the model to train, and what it is predicted to reach."]
    for table, values in rows.items():
        lines += ["", f"[{table}]", *(f"{key} = {_toml(value)}" for key, value in values.items())]
    return "\n".join(lines) + "\n"


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return f'"{value}"' if isinstance(value, str) else repr(value)
