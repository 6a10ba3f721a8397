"""Checkpoints in the Hugging Face format, out and in; every tensor is accounted for or an error names it."""

import json
from collections.abc import Mapping
from dataclasses import replace
from functools import partial, reduce
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from optimoe.arch.checkpoint.shards import some_of
from optimoe.arch.hf import from_config, to_config
from optimoe.arch.hf.read import QUANT_CONFIG
from optimoe.arch.spec import ArchSpec
from optimoe.core.config import load_json
from optimoe.core.errors import ConfigError, InputError, require
from optimoe.models.convert.checkpoint.quantized import QUANTIZATION, dequantized
from optimoe.models.convert.checkpoint.shards import (
    CHECKPOINT,
    CONFIG,
    TOKENIZER,
    LazyTensor,
    copy_tokenizer,
    read_shards,
    replacing,
    write_shards,
)
from optimoe.models.convert.hf_config import read_fields, written_fields
from optimoe.models.convert.hf_families import FAMILIES, Names, find_names
from optimoe.models.convert.hf_names import Entry, entries
from optimoe.models.decoder import Decoder, build
from optimoe.models.steady import steady_names

State = dict[str, Tensor]


def save_hf(
    model: Decoder,
    folder: Path,
    model_type: str,
    max_positions: int = 4096,
    *,
    dtype: torch.dtype | None = None,
    max_shard_bytes: float = 5e9,
    tokenizer_from: Path | None = None,
) -> None:
    """Write ``config.json`` and ``model.safetensors``, or shards and their index, for ``transformers`` to load.

    They take the place of an older checkpoint in the folder, shards of another number too; other files stay. A
    write that fails leaves the folder as it was. Beside the model, memory holds one shard. What training alone
    reads, a router's noise and capacity, is not written.

    Args:
        model: What to write.
        folder: Made where it does not exist.
        model_type: One of :data:`~optimoe.models.convert.hf_families.FAMILIES`.
        max_positions: Longest sequence that the configuration states.
        dtype: Of the tensors, but for buffers that keep float32; left out, their own.
        max_shard_bytes: Most bytes of tensors in a file; a larger tensor has a file of its own.
        tokenizer_from: A folder with a tokenizer's files, which are copied, with chat templates and
            ``generation_config.json``.

    Raises:
        UnknownNameError: Not such a family.
        ConfigError: The family cannot express the model, or a number is out of limits.
        InputError: The place cannot be written, or there is no tokenizer.
    """
    require(max_shard_bytes > 0, "max_shard_bytes", "positive", max_shard_bytes)
    config, tensors = _written(model, model_type, dtype)
    config["max_position_embeddings"] = max_positions
    with replacing(folder, CHECKPOINT if tokenizer_from is None else (*CHECKPOINT, *TOKENIZER)) as new:
        if tokenizer_from is not None:
            copy_tokenizer(tokenizer_from, new)
        (new / CONFIG).write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
        write_shards(tensors, new, max_shard_bytes)


def fitting_family(model: Decoder, wanted: str = "") -> str:
    """The family that holds a model exactly: the one that is wanted, or the first of all.

    Args:
        model: What is to be written.
        wanted: Is tried first, and its reason is given where there is none.

    Raises:
        ConfigError: None does.
    """
    reasons: dict[str, str] = {}
    for model_type in dict.fromkeys((wanted, *FAMILIES) if wanted in FAMILIES else FAMILIES):
        try:
            _written(model, model_type, None)
        except ConfigError as error:
            reasons[model_type] = str(error)
        else:
            return model_type
    shaped = [name for name, reason in reasons.items() if not reason.startswith(CONFIG)]  # but for how they route
    if not (nearest := wanted if wanted in reasons else next(iter(shaped), "")):
        parts = sorted({type(part).__name__ for group in model.arch.layers for part in (group.mixer, group.ffn)})
        raise ConfigError(f"no family of transformers holds this shape of {', '.join(parts)}")
    others = f"nor does any other of {len(reasons)} families of transformers"
    raise ConfigError(f"{nearest} does not hold this model ({reasons[nearest]}), {others}")


def load_hf(folder: Path, dtype: torch.dtype | None = None) -> Decoder:
    """Read a folder with ``config.json`` and ``model.safetensors``, or shards.

    Tensors are copied one by one into the model's: beside it, memory holds one of them. Block-scaled FP8 and
    MXFP4 become plain numbers. Layers that predict later tokens (``num_nextn_predict_layers``) are left out, with
    their tensors. The model is on the default device.

    Args:
        folder: The checkpoint.
        dtype: Of the model, but for buffers that keep float32; left out, each tensor's own, and bfloat16 for what
            was quantised.

    Raises:
        InputError: There are no weights, a file or a tensor is missing, unexpected or cut off, or a tensor is of
            another shape or no number of 16 bits or more.
        ConfigError: The configuration is not of a family that is read, or asks for what is not built here.
    """
    if (beside := folder / QUANT_CONFIG).exists():
        raise ConfigError(f"{beside}: must be left out, formats of modelopt are not read")
    return _read(load_json(folder / CONFIG), read_shards(folder), dtype)


def to_hf(model: Decoder, model_type: str, dtype: torch.dtype | None = None) -> tuple[dict[str, Any], State]:
    """The configuration and the tensors of a checkpoint, as :func:`save_hf` writes them: copies of the model's."""
    config, tensors = _written(model, model_type, dtype)
    return config, {name: tensor.read() for name, tensor in tensors.items()}


def from_hf(config: Mapping[str, Any], state: Mapping[str, Tensor], dtype: torch.dtype | None = None) -> Decoder:
    """The model of a configuration and a checkpoint's tensors, as :func:`load_hf` reads them: it holds copies."""
    tensors = {
        name: LazyTensor(shape=tensor.shape, dtype=tensor.dtype, read=partial(_same, tensor.detach()))
        for name, tensor in state.items()
    }
    return _read(config, tensors, dtype)


def _written(
    model: Decoder, model_type: str, dtype: torch.dtype | None
) -> tuple[dict[str, Any], dict[str, LazyTensor]]:
    """The configuration and the tensors that a model becomes."""
    names = find_names(model_type)
    config = to_config(model.arch, model_type) | written_fields(model, model_type)
    stated = dtype or model.embedding.weight.dtype
    _require_numbers("dtype", stated)
    config["dtype"] = str(stated).removeprefix("torch.")
    return config, written_tensors(model, names, model_type, dtype)


def written_tensors(
    model: Decoder, names: Names, model_type: str, dtype: torch.dtype | None
) -> dict[str, LazyTensor]:
    """Every tensor of a model by its name in a checkpoint.

    Args:
        model: What to write.
        names: What the checkpoint calls its parts.
        model_type: Whose they are, for the error line.
        dtype: Of the tensors, but for buffers that keep float32; left out, their own.

    Raises:
        ConfigError: There is no place for one, or the model lacks one.
    """
    ours: State = model.state_dict()
    if model.arch.tied_embeddings:
        ours.pop("unembedding.weight")
    steady, placed = steady_names(model), set()
    theirs: dict[str, LazyTensor] = {}
    for entry in entries(model.arch, names):
        if entry.ours not in ours:
            hint = "; merge() a grown model first" if any("parametrizations" in name for name in ours) else ""
            raise ConfigError(f"{model_type}: must have {entry.ours}, which the model has not{hint}")
        mine = ours[entry.ours]
        kind = mine.dtype if dtype is None or entry.ours in steady else dtype
        shape = entry.part(mine).shape
        theirs[entry.theirs] = LazyTensor(shape=shape, dtype=kind, read=partial(entry.take, mine, kind))
        placed.add(entry.ours)
    noise = {f"blocks.{layer}.ffn.router.noise_weight" for layer in model.routers}  # training alone reads it
    if left := ours.keys() - placed - noise:
        raise ConfigError(f"{model_type}: has no place for {some_of(left)}")
    return theirs


@torch.no_grad()
def _read(config: Mapping[str, Any], tensors: Mapping[str, LazyTensor], dtype: torch.dtype | None) -> Decoder:
    """The model that a configuration and tensors are; nothing is read before everything fits."""
    if dtype is not None:
        _require_numbers("dtype", dtype)
    model_type = config.get("model_type", "")
    names = find_names(model_type)
    tensors = dequantized(tensors, config, dtype or torch.bfloat16)
    arch = from_config({name: value for name, value in config.items() if name != QUANTIZATION}, name=model_type)
    tensors = _of_the_model(tensors, arch)
    arch = replace(arch, num_mtp_layers=0)
    with torch.device("meta"):
        model = build(arch, read_fields(config, model_type))
    shapes: State = model.state_dict()
    parts = _placed(shapes, list(entries(arch, names)), tensors, arch.tied_embeddings)
    steady, ours = steady_names(model), {}
    for name, members in parts.items():
        kind = reduce(torch.promote_types, (tensors[entry.theirs].dtype for entry in members))
        if name in steady:
            kind = torch.promote_types(kind, torch.float32)
        elif dtype is not None:
            kind = dtype
        ours[name] = torch.empty(shapes[name].shape, dtype=kind)
        for entry in members:
            entry.fill(ours[name], tensors[entry.theirs].read())
    if arch.tied_embeddings:
        ours["unembedding.weight"] = ours["embedding.weight"]
    model.load_state_dict(ours, assign=True)
    if arch.tied_embeddings:
        model.unembedding.weight = model.embedding.weight
    return model


def _placed(
    shapes: State, all_entries: list[Entry], tensors: Mapping[str, LazyTensor], tied: bool
) -> dict[str, list[Entry]]:
    """The entries of each of our tensors, where a checkpoint has all of theirs and no other.

    Raises:
        InputError: One is missing, unexpected, of another shape, or not of floating point.
    """
    names = {entry.theirs for entry in all_entries}
    if missing := names - tensors.keys():
        raise InputError(f"checkpoint: {some_of(missing)} missing")
    twice = {"lm_head.weight"} if tied else set()  # some writers store the embedding twice
    if unexpected := tensors.keys() - names - twice:
        raise InputError(f"checkpoint: {some_of(unexpected)} unexpected")
    parts: dict[str, list[Entry]] = {}
    for entry in all_entries:
        theirs, wanted = tensors[entry.theirs], entry.part(shapes[entry.ours]).shape
        require(theirs.shape == wanted, entry.theirs, f"of shape {tuple(wanted)}", tuple(theirs.shape))
        _require_numbers(entry.theirs, theirs.dtype)
        parts.setdefault(entry.ours, []).append(entry)
    return parts


def _of_the_model(tensors: Mapping[str, LazyTensor], arch: ArchSpec) -> dict[str, LazyTensor]:
    """The tensors without layers that predict later tokens, which stand last, and without angles of positions."""
    first = arch.num_layers
    later = tuple(f"model.layers.{layer}." for layer in range(first, first + arch.num_mtp_layers))
    return {
        name: tensor
        for name, tensor in tensors.items()
        if not (name.startswith(later) or name.endswith(".rotary_emb.inv_freq"))  # Llama 2's files hold those
    }


def _require_numbers(name: str, dtype: torch.dtype) -> None:
    fits = dtype.is_floating_point and dtype.itemsize > 1
    require(fits, name, "of floating point with 16 bits or more", dtype)


def _same(tensor: Tensor) -> Tensor:
    return tensor
