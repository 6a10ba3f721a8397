"""Weights that a run begins with instead of random ones: another run's, or a Hugging Face checkpoint's."""

from dataclasses import fields, replace
from pathlib import Path

from optimoe.core.config import build as build_table
from optimoe.core.errors import require
from optimoe.core.run import Start
from optimoe.models.convert.hf import load_hf
from optimoe.models.convert.upcycle import Upcycling, upcycle
from optimoe.models.decoder import Decoder
from optimoe.trainer.results.folder import RUN
from optimoe.trainer.results.trained import load_run

_TRAINED = ("losses", "init_std")
"""Fields of a configuration that say how a model trains, and not which function its weights are."""

_ROUTED = (*_TRAINED, "router", "layer_routers")
"""Those with which the weights of a dense model are the same function too."""


def start_model(start: Start, model: Decoder) -> Decoder:
    """A run's model with the weights of another, upcycled where that one is dense and the run's is not.

    Args:
        start: Where they are.
        model: The run's, with random weights.

    Raises:
        InputError: There is no checkpoint, or a broken one.
        ConfigError: The architectures or what they compute differ; the text names the field.
    """
    where = f"start.folder {start.folder}"
    folder = Path(start.folder)
    other = load_run(folder).model if (folder / RUN).is_file() else load_hf(folder)
    other = other.to(model.embedding.weight).train(model.training)
    other.arch = replace(other.arch, traits=model.arch.traits)  # its function is compared by its configuration
    dense = other.arch.moe is None
    if dense and model.arch.moe is not None:
        how = build_table(Upcycling, start.upcycling, "upcycling")
        return upcycle(other, model.arch, model.config, how)
    require(not start.upcycling, "start.upcycling", "empty where no dense model becomes routed", start.upcycling)
    same = replace(other.arch, name=model.arch.name) == model.arch
    require(same, where, "of the run's architecture, or a dense one to upcycle", other.arch.name)
    for name in (one.name for one in fields(model.config) if one.name not in (_ROUTED if dense else _TRAINED)):
        mine, its = getattr(model.config, name), getattr(other.config, name)
        require(mine == its, name, f"{its} as in {where}", mine)
    model.load_state_dict(other.state_dict())
    return model
