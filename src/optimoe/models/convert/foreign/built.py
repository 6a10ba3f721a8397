"""A model of ``transformers`` on the meta device: the shapes of all its tensors, and no values."""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from math import inf
from time import monotonic
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from optimoe.core.errors import InfeasibleError, InputError, shown

DRAWS = ("normal_", "uniform_", "trunc_normal_", "fill_", "zero_", "erfinv_", "clamp_", "mul_", "add_")
"""Methods that fill a tensor in place, which leaves its shape as it is."""
LIMIT_S = 120.0
"""How long a model may take to build."""
_FAILURES = (
    ArithmeticError, AssertionError, AttributeError, ImportError, LookupError, NotImplementedError, RuntimeError,
    TypeError, ValueError,
)  # fmt: skip
"""What a class raises of a configuration that it does not build."""


@contextmanager
def without_storage(limit_s: float = inf) -> Iterator[torch.device]:
    """Modules built inside have the shapes of all their tensors, and no values.

    Filling a tensor on the meta device writes nothing and takes two thirds of the time of building, as each draw
    passes through a decomposition written in Python; so a tensor that would be filled is given back as it is. A
    mode does this for what runs inside alone: a module that is imported meanwhile keeps PyTorch's own functions.

    Args:
        limit_s: How long it may take.

    Raises:
        InfeasibleError: It takes longer.
    """
    end = monotonic() + limit_s

    class WithoutDraws(TorchFunctionMode):
        def __torch_function__(self, function: Any, types: Any, arguments: Any = (), options: Any = None) -> Any:
            if monotonic() > end:
                raise InfeasibleError(f"--via: not built after {limit_s:.0f} s; with fewer layers it would be")
            fills = getattr(function, "__name__", "") in DRAWS and arguments and arguments[0].is_meta
            return arguments[0] if fills else function(*arguments, **(options or {}))

    with torch.device("meta") as device, WithoutDraws():
        yield device


def build_foreign(config: Mapping[str, Any], limit_s: float = LIMIT_S) -> nn.Module:
    """The causal language model that ``transformers`` builds from a ``config.json``; code of others is never run.

    Args:
        config: The fields, with a ``model_type`` that the installed release knows.
        limit_s: How long building it may take.

    Raises:
        InputError: ``transformers`` is not installed, does not know the type or builds no such model.
        InfeasibleError: It is not built in time.
    """
    try:
        import transformers
        from huggingface_hub.errors import StrictDataclassError
        from transformers.models.auto.configuration_auto import CONFIG_MAPPING
        from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES
    except ImportError:
        raise InputError("--via: needs transformers (pip install transformers 'optimoe[train]')") from None
    fields = {name: value for name, value in config.items() if name not in ("auto_map", "quantization_config")}
    model_type = fields.pop("model_type", "")
    if not isinstance(model_type, str) or model_type not in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES:
        raise InputError(
            f"model_type: must be a causal language model of transformers {transformers.__version__}, "
            f"got {shown(str(model_type))}"
        )
    transformers.logging.set_verbosity(logging.ERROR)
    try:
        made = CONFIG_MAPPING[model_type].from_dict(_numbers(fields))
        with without_storage(limit_s):
            model: nn.Module = transformers.AutoModelForCausalLM.from_config(made)  # type: ignore[no-untyped-call]
            return model
    except (*_FAILURES, StrictDataclassError) as error:
        said = shown(f"{type(error).__name__}: {' '.join(str(error).split())}", 120)
        release = transformers.__version__
        raise InputError(f"{model_type}: transformers {release} does not build it, {said}") from None


def _numbers(value: Any) -> Any:
    """Fields with infinities as numbers, which ``transformers`` writes as ``{"__float__": "Infinity"}``."""
    if isinstance(value, Mapping):
        if set(value) == {"__float__"}:
            return float(value["__float__"])
        return {name: _numbers(item) for name, item in value.items()}
    return [_numbers(item) for item in value] if isinstance(value, list) else value
