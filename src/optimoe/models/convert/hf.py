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
from optimoe.core.errors import ConfigError, InputError, require
from optimoe.models.convert.hf_config import read_fields, written_fields
from optimoe.models.convert.hf_families import find_names
from optimoe.models.convert.hf_names import entries
from optimoe.models.decoder import Decoder, build

CONFIG, WEIGHTS = "config.json", "model.safetensors"
State = dict[str, Tensor]


def save_hf(model: Decoder, folder: Path, model_type: str, max_positions: int = 4096) -> None:
    """Write ``config.json`` and ``model.safetensors``, which ``transformers`` loads as that family.

    A write that fails leaves the folder as it was.

    Args:
        model: What to write.
        folder: Made where it does not exist.
        model_type: One of :data:`~optimoe.models.convert.hf_families.FAMILIES`.
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
    names = find_names(model_type)
    config = to_config(model.arch, model_type) | written_fields(model, model_type)
    ours: State = model.state_dict()
    theirs: State = {}
    if model.arch.tied_embeddings:
        ours.pop("unembedding.weight")
    for entry in entries(model.arch, names):
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
    names = find_names(model_type)
    arch = from_config(dict(config), name=model_type)
    left = _without_later_tokens(state, arch)
    arch = replace(arch, num_mtp_layers=0)
    with torch.device("meta"):
        model = build(arch, read_fields(config, model_type))
    shapes, ours = model.state_dict(), {}
    for entry in entries(arch, names):
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


def _listed(names: Iterable[str]) -> str:
    """The first names of many."""
    known = sorted(names)
    return ", ".join(known[:3]) + (f" and {len(known) - 3} more" if len(known) > 3 else "")
