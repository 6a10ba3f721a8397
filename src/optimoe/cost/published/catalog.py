"""Published cost models by name."""

from typing import Any

from optimoe.core.config import load_facts
from optimoe.core.errors import UnknownNameError
from optimoe.core.outputs import Evaluable
from optimoe.cost.published.epoch import Epoch
from optimoe.cost.published.erdil.code import ErdilCode
from optimoe.cost.published.erdil.printed import ErdilPaper, ErdilToy
from optimoe.cost.published.yun import YunCost

MODELS: dict[str, type[Evaluable]] = {
    model.name: model for model in (Epoch, ErdilToy, ErdilPaper, ErdilCode, YunCost)
}


def find_cost_model(name: str) -> Evaluable:
    """A published cost model.

    Raises:
        UnknownNameError: No such model.
    """
    if name not in MODELS:
        raise UnknownNameError("cost model", name, MODELS)
    return MODELS[name]()


def published_cost_checks() -> list[dict[str, Any]]:
    """Check-values of these models, with sources and tolerances."""
    return list(load_facts("optimoe.cost", "published.toml")["check"])
