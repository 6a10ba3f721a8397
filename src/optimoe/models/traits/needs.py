"""Traits of an architecture, each with the fields of a configuration that provide it, or what it would take."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from optimoe.arch.hf.traits.readers import ACTIVATION_WORDS, UNSTATED, number
from optimoe.arch.parts import Attention
from optimoe.arch.spec import ArchSpec
from optimoe.core.errors import ConfigError
from optimoe.models.attention.rope import SCALINGS
from optimoe.models.config import ModelConfig
from optimoe.models.experts.activations import ACTIVATIONS


@dataclass(frozen=True)
class Provided:
    """A trait that a configuration may provide.

    Attributes:
        value: The value that a configuration gives it for an architecture.
        fields: The fields that give the value that is needed.
        built: Whether a value is built here.
    """

    value: Callable[[ModelConfig, ArchSpec], str]
    fields: Callable[[str], str]
    built: Callable[[str], bool] = lambda value: True


def _given(path: str) -> Callable[[ModelConfig, ArchSpec], str]:
    """The number at a place in a configuration; empty where a router has none such."""

    def value(config: ModelConfig, arch: ArchSpec) -> str:
        part: Any = config
        for name in path.split("."):
            part = getattr(part, name, "")
        return number(part)

    return value


def _scaling_fields(value: str) -> str:
    kind, _, factor = value.partition("-")
    return f"rotary=Rotary(scaling={SCALINGS[kind].__name__}(factor={factor}, …))"


PROVIDED = {
    "activation": Provided(
        lambda config, arch: ACTIVATION_WORDS.get(config.activation, config.activation),
        "activation='{}'".format,
        lambda value: value in ACTIVATIONS,
    ),
    "rope_scaling": Provided(
        lambda config, arch: f"{config.rotary.scaling.kind}-{number(config.rotary.scaling.factor)}",
        _scaling_fields,
        lambda value: value.partition("-")[0] in SCALINGS,
    ),
    "partial_rotary": Provided(_given("rotary.share"), "rotary=Rotary(share={})".format),
    "embedding_factor": Provided(_given("multipliers.embedding"), "multipliers=Multipliers(embedding={})".format),
    "residual_factor": Provided(_given("multipliers.residual"), "multipliers=Multipliers(residual={})".format),
    "attention_factor": Provided(
        lambda config, arch: number(config.multipliers.attention or _plain_scale(arch)),
        "multipliers=Multipliers(attention={})".format,
    ),
    "logits_divisor": Provided(_given("multipliers.logits"), "multipliers=Multipliers(logits={})".format),
    "score": Provided(_given("router.score"), "router=TopK(score='{}')".format),
    "balanced_by_bias": Provided(
        lambda config, arch: "" if config.router.balanced_by_bias else "no",
        "router=TopK(balanced_by_bias=True)".format,
    ),
    "gates_sum_to_one": Provided(
        lambda config, arch: str(config.router.sums_gates(arch.moe.top_k if arch.moe else 1)).lower(),
        lambda value: f"router=TopK(normalised={value.title()})",
    ),
    "gates_scaled": Provided(_given("router.scale"), "router=TopK(scale={})".format),
    "groups": Provided(
        lambda config, arch: (
            f"{_given('router.num_groups')(config, arch)}/{_given('router.top_groups')(config, arch)}"
        ),
        lambda value: "router=TopK(num_groups={}, top_groups={})".format(*value.split("/")),
    ),
    "group_score": Provided(_given("router.group_score"), "router=TopK(group_score='{}')".format),
}
"""Traits that a :class:`~optimoe.models.config.ModelConfig` can provide."""

OF_ROUTERS = ("score", "balanced_by_bias", "gates_sum_to_one", "gates_scaled", "groups", "group_score")
"""Those of them that a router provides."""

NOT_BUILT = {
    "attention_cap": "products q·k bounded by a tanh",
    "attention_temperature": "queries scaled by their position",
    "experts_beside_attention": "experts that work on attention's input",
    "experts_scaled_by_input": "gates that multiply the experts' input",
    "gates_norm": "gates divided by another norm than their sum",
    "layers_without_positions": "layers without positions",
    "logits_cap": "logits bounded by a tanh",
    "no_positions": "attention without positions",
    "norms_from_one": "norms that multiply by 1 + w",
    "qkv_clipped": "queries, keys and values clipped",
    "queries_of_length_one": "queries and keys normed without weights",
    "residual_of_normed": "a residual stream of normed inputs, with factors",
    "rope_of_layer_kinds": "other rotary positions in windows than elsewhere",
    "rope_of_layers": "rotary positions of each layer's own",
    "sparse_mixer": "SparseMixer's gates",
    "swiglu_alpha": "another slope of the clamped SwiGLU",
    "swiglu_limit": "another bound of the clamped SwiGLU",
    "values_scaled": "values times a factor",
}
"""Traits that nothing here provides, in words."""


def require_function(arch: ArchSpec, config: ModelConfig) -> None:
    """Refuse a configuration with which the architecture would compute another function than its name says.

    Raises:
        ConfigError: A trait is not provided; the message names all such, and what provides each.
    """
    configs = config.of_each_router(arch)
    reasons = (_reason(trait, arch, one) for trait in arch.traits for one in configs)
    if unmet := list(dict.fromkeys(filter(None, reasons))):
        raise ConfigError(
            f"config: must provide what {arch.name} computes: {'; '.join(unmet)}. "
            "build(…, shape_only=True) makes a model of its shape with this configuration's function"
        )


def _reason(trait: str, arch: ArchSpec, config: ModelConfig) -> str:
    """Why a configuration does not provide a trait, and what would; empty where it does."""
    word, _, value = trait.partition("=")
    if value == UNSTATED:
        if word == "function":
            return "nobody states here what is computed with this shape"
        return f"{word}, which is not stated here"
    provided = PROVIDED.get(word)
    if provided is None or not provided.built(value):
        return f"{trait}, not built here" + (f" ({NOT_BUILT[word]})" if word in NOT_BUILT else "")
    return "" if provided.value(config, arch) == value else f"{trait} ({provided.fields(value)})"


def _plain_scale(arch: ArchSpec) -> float:
    """The scale 1/√C of q·k, of the first layer that attends with plain heads."""
    part = arch.attention
    return part.head_dim**-0.5 if isinstance(part, Attention) else 0.0
