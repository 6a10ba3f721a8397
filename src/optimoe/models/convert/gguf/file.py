"""A model and its tokenizer as one GGUF file in float32; every tensor is accounted for or an error names it.

Legend: D model width, E experts, F hidden width, H heads, R width of the latent.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import Tensor

from optimoe.arch.parts import Attention, LatentAttention, MoE
from optimoe.core.errors import ConfigError, InputError
from optimoe.models.convert.checkpoint.shards import LazyTensor
from optimoe.models.convert.gguf.families import EngineFamily, find_engine_family
from optimoe.models.convert.gguf.shape import shape_fields
from optimoe.models.convert.gguf.tokens import token_fields
from optimoe.models.convert.hf import written_tensors
from optimoe.models.convert.hf_families import find_names
from optimoe.models.decoder import Decoder

_EXPERT = re.compile(r"\.experts\.\d+\.")
_ALL_F32 = 0


def save_gguf(
    model: Decoder,
    path: Path,
    model_type: str,
    tokenizer: Mapping[str, Any],
    end_of_text: int,
    *,
    name: str = "",
    max_positions: int = 4096,
) -> None:
    """Write a GGUF file of float32 numbers, for llama.cpp to load.

    Beside the model, memory holds one tensor, the experts of a layer being one. A write that fails leaves nothing.

    Args:
        model: What to write.
        path: Is replaced where it exists.
        model_type: A family of Hugging Face checkpoints that holds the model
            (:func:`~optimoe.models.convert.hf.fitting_family`).
        tokenizer: The content of a ``tokenizer.json``.
        end_of_text: The id that ends a text and is put before it.
        name: Of the model, for people.
        max_positions: Longest sequence that is stated.

    Raises:
        ConfigError: llama.cpp would compute something else, or the tokenizer is cut in another way.
        InputError: The package gguf is not there, or the place cannot be written.
    """
    family = find_engine_family(model_type)
    fields = shape_fields(model, family, max_positions)
    fields = {f"{family.arch}.{key}": value for key, value in fields.items()}
    fields |= token_fields(tokenizer, model.arch.vocab_size, end_of_text)
    tensors = _named(_tensors(model, model_type, family), family, model.arch.num_layers)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.") as beside:
            _write(Path(beside) / "new", family.arch, {"general.name": name or model_type} | fields, tensors)
            (Path(beside) / "new").replace(path)
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror})") from None


def _library() -> Any:
    """The package ``gguf``.

    Raises:
        InputError: It is not installed.
    """
    try:
        import gguf
    except ImportError:
        raise InputError("gguf: must be installed to write GGUF files (pip install 'optimoe[export]')") from None
    return gguf


def _tensors(model: Decoder, model_type: str, family: EngineFamily) -> dict[str, LazyTensor]:
    """A model's tensors as llama.cpp has them, by the names of Hugging Face without numbers of experts."""
    names = find_names(model_type)
    if names.layout == "stacked":
        names = replace(names, layout="listed", gate="w1", up="w3", down="w2")
    found: dict[str, list[LazyTensor]] = {}
    for name, tensor in written_tensors(model, names, model_type, torch.float32).items():
        found.setdefault(_EXPERT.sub(".experts.", name), []).append(tensor)
    tensors = {name: _stacked(some) if ".experts." in name else some[0] for name, some in found.items()}
    arch = model.arch
    tensors.setdefault("lm_head.weight", tensors["model.embed_tokens.weight"])
    for layer, group in enumerate(arch.unrolled):
        at = f"model.layers.{layer}."
        if isinstance(group.mixer, LatentAttention):
            whole = tensors.pop(f"{at}self_attn.kv_b_proj.weight")
            for key, matrix in _key_and_value(whole, group.mixer).items():
                tensors[f"{at}self_attn.{key}_b_proj.weight"] = matrix
        elif isinstance(group.mixer, Attention) and family.paired:
            for kind, heads in (("q", group.mixer.num_heads), ("k", group.mixer.num_kv_heads)):
                for end in ("weight", "bias"):
                    if (key := f"{at}self_attn.{kind}_proj.{end}") in tensors:
                        tensors[key] = _made_of(tensors[key], partial(_paired, heads=heads))
        if isinstance(group.ffn, MoE) and family.shared and not group.ffn.num_shared_experts:
            tensors |= _no_shared_expert(f"{at}{names.moe}.{names.shared}.", arch.d_model, group.ffn.d_expert)
    return tensors


def _stacked(some: list[LazyTensor]) -> LazyTensor:
    """The matrices of all experts in one, (E, …)."""
    return LazyTensor(
        shape=torch.Size((len(some), *some[0].shape)),
        dtype=some[0].dtype,
        read=lambda: torch.stack([one.read() for one in some]),
    )


def _made_of(tensor: LazyTensor, change: Callable[[Tensor], Tensor], shape: tuple[int, ...] = ()) -> LazyTensor:
    """What becomes of a tensor, of its own shape or another."""
    return LazyTensor(
        shape=torch.Size(shape) or tensor.shape, dtype=tensor.dtype, read=lambda: change(tensor.read())
    )


def _paired(rows: Tensor, heads: int) -> Tensor:
    """Rows of which r and r + R turn together in each head, as 2r and 2r + 1."""
    return rows.view(heads, 2, -1, *rows.shape[1:]).transpose(1, 2).reshape(rows.shape)


def _key_and_value(whole: LazyTensor, part: LatentAttention) -> dict[str, LazyTensor]:
    """The latent's expansion, (H·(nope + v), R), as keys (H, R, nope) and values (H, v, R)."""
    heads, width, nope = part.num_heads, part.kv_lora_rank, part.qk_nope_dim

    def by_head(both: Tensor) -> Tensor:
        return both.view(heads, nope + part.v_dim, width)

    return {
        "k": _made_of(whole, lambda both: by_head(both)[:, :nope].mT.contiguous(), (heads, width, nope)),
        "v": _made_of(whole, lambda both: by_head(both)[:, nope:].contiguous(), (heads, part.v_dim, width)),
    }


def _no_shared_expert(at: str, d_model: int, d_shared: int) -> dict[str, LazyTensor]:
    """A shared expert that adds nothing, for an architecture that always has one."""
    shapes = {"gate": (d_shared, d_model), "up": (d_shared, d_model), "down": (d_model, d_shared)}
    return {
        f"{at}{kind}_proj.weight": LazyTensor(
            shape=torch.Size(shape), dtype=torch.float32, read=partial(torch.zeros, shape)
        )
        for kind, shape in shapes.items()
    }


def _named(tensors: Mapping[str, LazyTensor], family: EngineFamily, num_layers: int) -> dict[str, LazyTensor]:
    """The tensors by their names in GGUF.

    Raises:
        ConfigError: The architecture has no place for one.
    """
    gguf = _library()
    arch = next(number for number, word in gguf.MODEL_ARCH_NAMES.items() if word == family.arch)
    places = gguf.get_tensor_name_map(arch, num_layers)
    named: dict[str, LazyTensor] = {}
    for name, tensor in tensors.items():
        plain = name.replace(".e_score_correction_bias", ".e_score_correction.bias")
        stem, _, end = plain.rpartition(".")
        place = places.get_name(stem)
        matrix = stem.rpartition(".")[2]
        if place is None or (end == "bias" and matrix not in (*family.biases, "e_score_correction")):
            raise ConfigError(f"GGUF of {family.arch}: has no place for {name}")
        named[f"{place}.{end}"] = tensor
    return named


def _write(path: Path, arch: str, fields: Mapping[str, Any], tensors: Mapping[str, LazyTensor]) -> None:
    gguf = _library()
    writer = gguf.GGUFWriter(path, arch)
    writer.add_file_type(_ALL_F32)
    add = {bool: writer.add_bool, int: writer.add_uint32, float: writer.add_float32, str: writer.add_string}
    for key, value in fields.items():
        add.get(type(value), writer.add_array)(key, value)
    float32 = torch.zeros(0).numpy().dtype
    for name, tensor in tensors.items():
        writer.add_tensor_info(name, tensor.shape, float32, tensor.num_bytes)
    try:
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_ti_data_to_file()
        for tensor in tensors.values():
            writer.write_tensor_data(tensor.read().numpy())
    finally:
        writer.close()
