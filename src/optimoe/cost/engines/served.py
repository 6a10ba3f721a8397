"""A model as an engine serves it: its checkpoint's formats or those that are stated, and the cache's."""

from dataclasses import replace
from typing import Any

from optimoe.arch.parts import PEER, DenseFFN, MoE
from optimoe.arch.precision.formats import PLAIN_FORMAT
from optimoe.arch.quantize import AUTO, with_precision
from optimoe.arch.spec import ArchSpec
from optimoe.cost.engines.engine import Engine
from optimoe.cost.hardware.arithmetic import USUAL_ACTIVATIONS
from optimoe.cost.layers.execution import PRECISIONS, Execution
from optimoe.cost.layers.machine import Machine


def as_served(machine: Machine, engine: Engine, arch: ArchSpec) -> tuple[Machine, ArchSpec]:
    """A machine and a model in which nothing is left to be said: every part and the cache have their formats.

    What is stated in the machine's execution is applied to the model, and taken out of the execution: what a layer
    runs in stands with the layer alone. Done before anything is timed or laid out; again it changes nothing.
    """
    execution = machine.execution
    if not execution.states_precision and execution.kv_precision != AUTO:
        return machine, arch
    served = in_formats(arch, execution)
    words: dict[str, Any] = dict.fromkeys(PRECISIONS, AUTO) | {"kv_precision": cache_format(served, engine)}
    return replace(machine, execution=replace(execution, **words)), served


def in_formats(arch: ArchSpec, execution: Execution) -> ArchSpec:
    """The model with the formats that are stated, and its checkpoint's own elsewhere.

    Where none of its layers was quantised and some parts now are, what enters them is as kernels for the format
    of the experts, else of attention, usually take it.
    """
    if not execution.states_precision:
        return arch
    activations = execution.activation_precision
    if activations == AUTO and bulk_format(with_precision(arch, execution.precision)) == PLAIN_FORMAT:
        parts = (execution.expert_precision, execution.attention_precision)
        activations = USUAL_ACTIVATIONS.get(
            next((word for word in parts if word != AUTO), PLAIN_FORMAT), PLAIN_FORMAT
        )
    return with_precision(
        arch,
        execution.precision,
        experts=execution.expert_precision,
        attention=execution.attention_precision,
        embedding=execution.embedding_precision,
        head=execution.head_precision,
        activations=activations,
    )


def cache_format(arch: ArchSpec, engine: Engine) -> str:
    """The format of the cache of a model as it is served.

    As stated; else what its checkpoint asks for, which engines read (vLLM, ``resolve_kv_cache_dtype_string`` of
    vllm/utils/torch_utils.py); else what the engine takes for weights in the model's bulk format.
    """
    stated = engine.execution.kv_precision
    if stated != AUTO:
        return stated
    return arch.precisions.kv_cache or engine.kv_of.get(bulk_format(arch), PLAIN_FORMAT)


def formats_of_a_design(engine: Engine) -> tuple[str, str]:
    """Formats of the weights and of the cache of a design that has no checkpoint: as stated, else bf16."""
    stated, cache = engine.execution.precision, engine.execution.kv_precision
    weights = PLAIN_FORMAT if stated == AUTO else stated
    return weights, engine.kv_of.get(weights, PLAIN_FORMAT) if cache == AUTO else cache


def bulk_format(arch: ArchSpec) -> str:
    """The format of most weights: of the experts, else of the feed-forward, else of attention, where quantised.

    What :func:`~optimoe.arch.memory.main_format` counts, told by the parts alone: every step of a search asks it.
    """
    groups = arch.layers[::-1]
    words = [group.precisions.routed_experts for group in groups if isinstance(group.ffn, MoE | PEER)]
    words += [group.precisions.dense_ffn for group in groups if isinstance(group.ffn, DenseFFN)]
    words += [group.precisions.attention for group in groups]
    return next((word for word in words if word != PLAIN_FORMAT), PLAIN_FORMAT)
