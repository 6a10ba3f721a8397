"""What a ``config.json`` says beyond the architecture: how to route, activation, positions, norms, multipliers."""

from collections.abc import Iterable, Mapping
from typing import Any

from optimoe.arch.parts import LatentAttention
from optimoe.core.errors import ConfigError, require
from optimoe.models.config import ModelConfig, Multipliers
from optimoe.models.convert.hf_families import Names, Routes, find_names
from optimoe.models.convert.hf_rope import read_rotary, written_rotary
from optimoe.models.decoder import Decoder
from optimoe.models.experts.activations import SWIGLU_LIMIT, SWIGLU_SLOPE
from optimoe.models.routers import DROPLESS, INIT_STD, RouterConfig, TopK

_ACTIVATIONS = {"silu": "silu", "gelu": "gelu", "gelu_tanh": "gelu_pytorch_tanh", "relu": "relu"}
_FACTORS = {
    "embedding": "embedding_multiplier",
    "residual": "residual_multiplier",
    "attention": "attention_multiplier",
    "logits": "logits_scaling",
}
_SWIGLU = {"swiglu_limit": SWIGLU_LIMIT, "swiglu_alpha": SWIGLU_SLOPE}


def written_fields(model: Decoder, model_type: str) -> dict[str, Any]:
    """The fields of a model's ``config.json`` that its architecture does not state."""
    config, names = model.config, find_names(model_type)
    written: dict[str, Any] = {
        **_written_activation(config.activation, names, model_type),
        **_written_factors(model, names, model_type),
        **written_rotary(config.rotary, names, model_type),
        "rms_norm_eps": config.norm_eps,
        "initializer_range": config.init_std,
    }
    if isinstance(model.arch.attention, LatentAttention):
        written["rope_interleave"] = True
    first: dict[str, Any] = {}
    for layer, router in model.routers.items():
        routed = _written_router(router.config, names.routes, model_type, router.top_k)
        same = routed == (first or routed)
        require(same, "layer_routers", f"left out in {model_type}", f"another router of layer {layer}")
        first = routed
    return written | first


def _written_activation(activation: str, names: Names, model_type: str) -> dict[str, Any]:
    if names.activation:
        require(activation == names.activation, "activation", f"{names.activation} in {model_type}", activation)
        return {"hidden_act": "silu"} | _SWIGLU
    if activation not in _ACTIVATIONS:
        raise ConfigError(f"activation: must be one of {', '.join(_ACTIVATIONS)}, got {activation}")
    return {"hidden_act": _ACTIVATIONS[activation]}


def _written_factors(model: Decoder, names: Names, model_type: str) -> dict[str, Any]:
    factors = model.config.multipliers
    if not names.multipliers:
        require(factors == Multipliers(), "multipliers", f"left out in {model_type}", factors)
        return {}
    attention = model.arch.attention
    own = factors.attention or getattr(attention, "head_dim", 1) ** -0.5
    return {theirs: getattr(factors, ours) for ours, theirs in _FACTORS.items()} | {_FACTORS["attention"]: own}


def _written_router(router: RouterConfig, routes: Routes, model_type: str, top_k: int) -> dict[str, Any]:
    """Fields of the router; refused where the family routes in another way.

    What differs in training only (noise, capacity, losses) is not written.
    """
    if not isinstance(router, TopK):
        raise ConfigError(f"kind: must be top_k in {model_type}, got {router.kind}")
    require(router.null_experts == 0, "null_experts", f"0 in {model_type}", router.null_experts)
    dropless = router.eval_capacity_factor == DROPLESS
    require(dropless, "eval_capacity_factor", f"left out in {model_type}", router.eval_capacity_factor)
    score = "sigmoid" if router.score == "sigmoid" else "softmax"
    require(score == routes.score, "score", f"a {routes.score} in {model_type}", router.score)
    require(bool(routes.scale) or router.scale == 1, "scale", f"1 in {model_type}", router.scale)
    require(routes.groups or router.num_groups == 1, "num_groups", f"1 in {model_type}", router.num_groups)
    chosen = routes.normalised == "norm_topk_prob"
    normalised = router.sums_gates(top_k)
    fits = chosen or normalised == routes.normalised
    require(fits, "normalised", f"{str(routes.normalised).lower()} in {model_type}", router.normalised)
    written: dict[str, Any] = {"norm_topk_prob": normalised}
    if routes.scale:
        written[routes.scale] = router.scale
    if routes.groups:
        one = router.num_groups == 1 and routes.group_score == "best"
        fits = one or router.group_score == routes.group_score
        require(fits, "group_score", f"{routes.group_score} in {model_type}", router.group_score)
        written |= {"n_group": router.num_groups, "topk_group": router.top_groups}
    if routes.methods:
        written |= {"topk_method": routes.methods[router.num_groups > 1], "scoring_func": routes.score}
    return written


def read_fields(config: Mapping[str, Any], model_type: str) -> ModelConfig:
    """The model configuration that a ``config.json`` states beyond the architecture.

    Raises:
        ConfigError: A field is missing, or asks for what is not built here; or the family is not converted.
        UnknownNameError: There is no such family.
    """
    names = find_names(model_type)
    require(config.get("clip_qkv") is None, "clip_qkv", "left out", config.get("clip_qkv"))
    eps = config.get("rms_norm_eps")
    require(eps is not None, "rms_norm_eps", "given", eps)
    return ModelConfig(
        router=_read_router(config, names.routes),
        activation=_read_activation(config, names),
        rotary=read_rotary(config, names),
        norm_eps=float(eps),  # type: ignore[arg-type]
        multipliers=_read_factors(config, names),
        init_std=float(config.get("initializer_range", INIT_STD)),
    )


def _read_activation(config: Mapping[str, Any], names: Names) -> str:
    act = config.get("hidden_act", "silu")
    if names.activation:
        require(act == "silu", "hidden_act", "silu", act)
        for field, value in _SWIGLU.items():
            require(config.get(field, value) == value, field, str(value), config.get(field))
        return names.activation
    theirs = {theirs: ours for ours, theirs in _ACTIVATIONS.items()}
    require(act in theirs, "hidden_act", f"one of {', '.join(theirs)}", act)
    return theirs[act]


def _read_factors(config: Mapping[str, Any], names: Names) -> Multipliers:
    """Granite's four, each 1 where it is left out: its attention has no 1/√C then."""
    if names.multipliers:
        return Multipliers(**{ours: float(config.get(theirs, 1.0)) for ours, theirs in _FACTORS.items()})
    for field in _FACTORS.values():
        require(config.get(field) is None, field, "left out", config.get(field))
    return Multipliers()


def _read_router(config: Mapping[str, Any], routes: Routes) -> TopK:
    score = config.get("scoring_func", routes.score)
    require(score == routes.score, "scoring_func", routes.score, score)
    options: dict[str, Any] = {"score": routes.score, "normalised": routes.normalised}
    if routes.normalised == "norm_topk_prob":
        _require_fields(config, ("norm_topk_prob",))
        options["normalised"] = config["norm_topk_prob"]
    else:
        stated = config.get("norm_topk_prob", routes.normalised)
        require(stated == routes.normalised, "norm_topk_prob", str(routes.normalised).lower(), stated)
    if routes.scale:
        _require_fields(config, (routes.scale,))
        options["scale"] = float(config[routes.scale])
    if routes.methods:
        method = config.get("topk_method", routes.methods[0])
        require(method in routes.methods, "topk_method", f"one of {', '.join(routes.methods)}", method)
    if routes.groups and (routes.methods is None or method == routes.methods[1]):
        _require_fields(config, ("n_group", "topk_group"))
        options |= {"num_groups": config["n_group"], "top_groups": config["topk_group"]}
    of_one = config.get("num_experts_per_tok") == 1  # as it was trained, its gates may all be 1
    return TopK(**options, gates_of_one=of_one, group_score=routes.group_score, balanced_by_bias=bool(routes.bias))


def _require_fields(config: Mapping[str, Any], names: Iterable[str]) -> None:
    for name in names:
        require(config.get(name) is not None, name, "given", config.get(name))
