"""Checkpoints in the Hugging Face format, out and in; every tensor is accounted for or an error names it."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from optimoe.arch.hf import from_config, to_config
from optimoe.arch.spec import ArchSpec
from optimoe.core.config import load_json
from optimoe.core.errors import ConfigError, InputError, UnknownNameError, require
from optimoe.models.config import DROPLESS, ModelConfig, RouterConfig
from optimoe.models.convert.hf_names import FAMILIES, Entry, balance_biases, entries
from optimoe.models.decoder import Decoder, build

CONFIG, WEIGHTS = "config.json", "model.safetensors"
_ACTIVATIONS = {"silu": "silu", "gelu": "gelu", "gelu_tanh": "gelu_pytorch_tanh", "relu": "relu"}
State = dict[str, Tensor]


def save_hf(model: Decoder, folder: Path, model_type: str, max_positions: int = 4096) -> None:
    """Write ``config.json`` and ``model.safetensors``, which ``transformers`` loads as that family.

    A write that fails leaves the folder as it was.

    Args:
        model: What to write.
        folder: Made where it does not exist.
        model_type: One of :data:`~optimoe.models.convert.hf_names.FAMILIES`.
        max_positions: Longest sequence that the configuration states.

    Raises:
        UnknownNameError: Not such a family.
        ConfigError: The family cannot express the model.
        InputError: The place cannot be written.
    """
    config, state = to_hf(model, model_type)
    config["max_position_embeddings"] = max_positions
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.") as beside:
            whole = Path(beside) / "whole"
            whole.mkdir()
            (whole / CONFIG).write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
            save_file(state, whole / WEIGHTS, metadata={"format": "pt"})
            if not folder.exists():
                whole.replace(folder)
                return
            for name in (WEIGHTS, CONFIG):
                (whole / name).replace(folder / name)
    except (OSError, SafetensorError) as error:
        raise InputError(f"{folder}: cannot be written ({error})") from None


def load_hf(folder: Path) -> Decoder:
    """Read a folder with ``config.json`` and ``model.safetensors`` or its parts, in their own type.

    Layers that predict later tokens (``num_nextn_predict_layers``) are left out, with their tensors.

    Raises:
        InputError: There are no weights, or a tensor is missing, unexpected or of another shape.
        ConfigError: The configuration is not of a family that is read, or asks for what is not built here.
    """
    whole = folder / WEIGHTS
    state: State = {}
    for file in [whole] if whole.exists() else sorted(folder.glob("*.safetensors")):
        try:
            state |= load_file(file)
        except (OSError, SafetensorError) as error:
            raise InputError(f"{file}: cannot be read ({error})") from None
    if not state:
        raise InputError(f"{folder}: must hold .safetensors files, has none")
    return from_hf(load_json(folder / CONFIG), state)


def to_hf(model: Decoder, model_type: str) -> tuple[dict[str, Any], State]:
    """The configuration and the tensors of a checkpoint, as :func:`save_hf` writes them."""
    if model_type not in FAMILIES:
        raise UnknownNameError("model_type", model_type, FAMILIES)
    config = to_config(model.arch, model_type) | _written(model, model_type)
    ours: State = model.state_dict()
    theirs: State = {}
    if model.arch.tied_embeddings:
        ours.pop("unembedding.weight")
    for entry in _entries(model.arch, model_type):
        if entry.ours not in ours:
            hint = "; merge() a grown model first" if any("parametrizations" in name for name in ours) else ""
            raise ConfigError(f"{model_type}: must have {entry.ours}, which the model has not{hint}")
        pieces = entry.split(ours.pop(entry.ours))
        theirs |= dict(zip(entry.theirs, (piece.contiguous() for piece in pieces), strict=True))
    if ours:
        raise ConfigError(f"{model_type}: has no place for {_listed(ours)}")
    return config, theirs


def from_hf(config: Mapping[str, Any], state: Mapping[str, Tensor]) -> Decoder:
    """The model of a configuration and a checkpoint's tensors, as :func:`load_hf` reads them."""
    model_type = config.get("model_type", "")
    if model_type not in FAMILIES:
        raise UnknownNameError("model_type", model_type, FAMILIES)
    arch = from_config(dict(config), name=model_type)
    left = _without_later_tokens(state, arch)
    arch = replace(arch, num_mtp_layers=0)
    with torch.device("meta"):
        model = build(arch, _read(config, model_type))
    shapes, ours = model.state_dict(), {}
    for entry in _entries(arch, model_type):
        like = entry.split(shapes[entry.ours])
        ours[entry.ours] = entry.join(_taken(left, entry.theirs, like))
    if arch.tied_embeddings:
        left.pop("lm_head.weight", None)  # some writers store the embedding twice
        ours["unembedding.weight"] = ours["embedding.weight"]
    if left:
        raise InputError(f"checkpoint: {_listed(left)} unexpected")
    model.load_state_dict(ours, assign=True)
    if arch.tied_embeddings:
        model.unembedding.weight = model.embedding.weight
    return model


def _taken(left: State, names: Iterable[str], like: Iterable[Tensor]) -> list[Tensor]:
    """Take tensors out of a checkpoint, of the shapes that they must have.

    Raises:
        InputError: One is missing or of another shape.
    """
    missing = [name for name in names if name not in left]
    if missing:
        raise InputError(f"checkpoint: {_listed(missing)} missing")
    taken = [left.pop(name) for name in names]
    for name, tensor, wanted in zip(names, taken, like, strict=True):
        require(tensor.shape == wanted.shape, name, f"of shape {tuple(wanted.shape)}", tuple(tensor.shape))
    return taken


def _without_later_tokens(state: Mapping[str, Tensor], arch: ArchSpec) -> State:
    """The tensors without those of layers that predict later tokens, which stand after the others."""
    first = arch.num_layers
    later = tuple(f"model.layers.{layer}." for layer in range(first, first + arch.num_mtp_layers))
    return {name: tensor for name, tensor in state.items() if not (later and name.startswith(later))}


def _entries(arch: ArchSpec, model_type: str) -> list[Entry]:
    names = FAMILIES[model_type]
    biases = list(balance_biases(arch, names)) if model_type == "deepseek_v3" else []
    return [*entries(arch, names), *biases]


def _written(model: Decoder, model_type: str) -> dict[str, Any]:
    """What the configuration says beyond the architecture."""
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
    return written | (_written_router(config.router, model_type) if model.arch.moe else {})


def _written_router(router: RouterConfig, model_type: str) -> dict[str, Any]:
    """Fields of the router; refused where the family routes in another way.

    What differs in training only (noise, capacity, losses) is not written.
    """
    require(router.kind == "top_k", "kind", f"top_k in {model_type}", router.kind)
    dropless = router.eval_capacity_factor == DROPLESS
    require(dropless, "eval_capacity_factor", f"left out in {model_type}", router.eval_capacity_factor)
    if model_type == "deepseek_v3":
        require(router.score == "sigmoid", "score", "sigmoid in deepseek_v3", router.score)
        require(router.group_score == "best_two", "group_score", "best_two in deepseek_v3", router.group_score)
        return {
            "norm_topk_prob": router.normalised,
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
        require(router.normalised, "normalised", "true in mixtral", router.normalised)
        return {}
    return {"norm_topk_prob": router.normalised}


def _read(config: Mapping[str, Any], model_type: str) -> ModelConfig:
    """What the configuration says beyond the architecture.

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


def _read_router(config: Mapping[str, Any], model_type: str) -> RouterConfig:
    if model_type == "deepseek_v3":
        require(config.get("rope_interleave", True), "rope_interleave", "true", False)
        wanted = ("norm_topk_prob", "routed_scaling_factor", "n_group", "topk_group")
        _require_fields(config, wanted)
        return RouterConfig(
            score="sigmoid",
            balanced_by_bias=True,
            normalised=config["norm_topk_prob"],
            scale=config["routed_scaling_factor"],
            num_groups=config["n_group"],
            top_groups=config["topk_group"],
        )
    if model_type in ("qwen3_moe", "olmoe"):
        _require_fields(config, ("norm_topk_prob",))
        return RouterConfig(normalised=config["norm_topk_prob"])
    return RouterConfig()


def _require_fields(config: Mapping[str, Any], names: Iterable[str]) -> None:
    for name in names:
        require(config.get(name) is not None, name, "given", config.get(name))


def _listed(names: Iterable[str]) -> str:
    """The first names of many."""
    known = sorted(names)
    return ", ".join(known[:3]) + (f" and {len(known) - 3} more" if len(known) > 3 else "")
