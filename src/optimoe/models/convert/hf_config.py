"""What a ``config.json`` says beyond the architecture: how to route, activation, positions, norms."""

from collections.abc import Iterable, Mapping
from typing import Any

from optimoe.core.errors import ConfigError, require
from optimoe.models.config import ModelConfig
from optimoe.models.decoder import Decoder
from optimoe.models.routers import DROPLESS, RouterConfig, TopK

_ACTIVATIONS = {"silu": "silu", "gelu": "gelu", "gelu_tanh": "gelu_pytorch_tanh", "relu": "relu"}


def written_fields(model: Decoder, model_type: str) -> dict[str, Any]:
    """The fields of a model's ``config.json`` that its architecture does not state."""
    config = model.config
    if config.activation not in _ACTIVATIONS:
        raise ConfigError(f"activation: must be one of {', '.join(_ACTIVATIONS)}, got {config.activation}")
    dtype = str(model.embedding.weight.dtype).removeprefix("torch.")
    written: dict[str, Any] = {
        "hidden_act": _ACTIVATIONS[config.activation],
        "rms_norm_eps": config.norm_eps,
        "rope_theta": config.rope_theta,
        "rope_parameters": {"rope_type": "default", "rope_theta": config.rope_theta},
        "dtype": dtype,
        "initializer_range": config.init_std,
    }
    moe = model.arch.moe
    return written | (_written_router(config.router, model_type, moe.top_k) if moe else {})


def _written_router(router: RouterConfig, model_type: str, top_k: int) -> dict[str, Any]:
    """Fields of the router; refused where the family routes in another way.

    What differs in training only (noise, capacity, losses) is not written.
    """
    if not isinstance(router, TopK):
        raise ConfigError(f"kind: must be top_k in {model_type}, got {router.kind}")
    dropless = router.eval_capacity_factor == DROPLESS
    require(dropless, "eval_capacity_factor", f"left out in {model_type}", router.eval_capacity_factor)
    if model_type == "deepseek_v3":
        require(router.score == "sigmoid", "score", "sigmoid in deepseek_v3", router.score)
        require(router.group_score == "best_two", "group_score", "best_two in deepseek_v3", router.group_score)
        return {
            "norm_topk_prob": router.sums_gates(top_k),
            "routed_scaling_factor": router.scale,
            "n_group": router.num_groups,
            "topk_group": router.top_groups,
            "scoring_func": "sigmoid",
            "topk_method": "noaux_tc",
            "rope_interleave": True,
        }
    require(router.score != "sigmoid", "score", f"a softmax in {model_type}", router.score)
    require(router.scale == 1, "scale", f"1 in {model_type}", router.scale)
    require(router.num_groups == 1, "num_groups", f"1 in {model_type}", router.num_groups)
    if model_type == "mixtral":
        require(router.sums_gates(top_k), "normalised", "true in mixtral", router.normalised)
        return {}
    return {"norm_topk_prob": router.sums_gates(top_k)}


def read_fields(config: Mapping[str, Any], model_type: str) -> ModelConfig:
    """The model configuration that a ``config.json`` states beyond the architecture.

    Raises:
        ConfigError: A field is missing, or asks for what is not built here.
    """
    rope = config.get("rope_parameters") or config.get("rope_scaling") or {}
    kind = rope.get("rope_type", rope.get("type", "default"))
    require(kind == "default", "rope_type", "default", kind)
    for name in ("partial_rotary_factor", "clip_qkv"):
        value = config.get(name) or rope.get(name)
        require(value in (None, 1.0), name, "left out", value)
    theta = rope.get("rope_theta", config.get("rope_theta"))
    eps, act = config.get("rms_norm_eps"), config.get("hidden_act", "silu")
    require(theta is not None, "rope_theta", "given", theta)
    require(eps is not None, "rms_norm_eps", "given", eps)
    names = {theirs: ours for ours, theirs in _ACTIVATIONS.items()}
    require(act in names, "hidden_act", f"one of {', '.join(names)}", act)
    return ModelConfig(
        router=_read_router(config, model_type),
        activation=names[act],
        rope_theta=float(theta),  # type: ignore[arg-type]
        norm_eps=float(eps),  # type: ignore[arg-type]
        init_std=float(config.get("initializer_range", 0.02)),
    )


def _read_router(config: Mapping[str, Any], model_type: str) -> TopK:
    of_one = config.get("num_experts_per_tok") == 1  # as it was trained, its gates may all be 1
    if model_type == "deepseek_v3":
        require(config.get("rope_interleave", True), "rope_interleave", "true", False)
        wanted = ("norm_topk_prob", "routed_scaling_factor", "n_group", "topk_group")
        _require_fields(config, wanted)
        return TopK(
            score="sigmoid",
            balanced_by_bias=True,
            normalised=config["norm_topk_prob"],
            gates_of_one=of_one,
            scale=config["routed_scaling_factor"],
            num_groups=config["n_group"],
            top_groups=config["topk_group"],
        )
    if model_type in ("qwen3_moe", "olmoe"):
        _require_fields(config, ("norm_topk_prob",))
        return TopK(normalised=config["norm_topk_prob"], gates_of_one=of_one)
    return TopK(normalised=True, gates_of_one=of_one)


def _require_fields(config: Mapping[str, Any], names: Iterable[str]) -> None:
    for name in names:
        require(config.get(name) is not None, name, "given", config.get(name))
