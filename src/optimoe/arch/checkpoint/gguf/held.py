"""A model in GGUF files: parameters and bytes by type and by part, beside a configuration where there is one."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from optimoe.arch.checkpoint.gguf.header import SUFFIX, GgufHeader, Value, read_gguf
from optimoe.arch.checkpoint.headers import StoredTensor
from optimoe.arch.checkpoint.shards import some_of
from optimoe.arch.params import count_mtp_params, count_params
from optimoe.arch.spec import ArchSpec
from optimoe.core.errors import InputError, require

_SPLIT = re.compile(r"(.+)-(\d{5})-of-(\d{5})\.gguf")
_BESIDE = "mmproj"
"""How names of files begin that hold the encoder of another modality."""
BUFFER, COPY, OTHER, MTP = "buffer", "copy", "other", "mtp"
_PARTS = (
    (BUFFER, re.compile(r"rope_freqs|rope_factors|exp_probs_b")),
    (MTP, re.compile(r"\.nextn\.")),
    ("norms", re.compile(r"^(?:output|token_embd|position_embd)_norm\.")),
    ("embedding", re.compile(r"^(?:token_embd|token_types|position_embd|per_layer_token_embd)\.")),
    ("unembedding", re.compile(r"^output\.")),
    (
        "norms",
        re.compile(r"\.(?:attn_norm(?:_2)?|ffn_(?:pre_)?norm\w*|post_\w+|\w+_(?:post|out\w*)_norm\w*)\."),
    ),
    ("shared_experts", re.compile(r"\.ffn_\w+_shexp\.|\.ffn_gate_inp_shexp\.")),
    ("router", re.compile(r"\.ffn_gate_inp\.")),
    ("routed_experts", re.compile(r"\.ffn_\w+_exps\.")),
    ("dense_ffn", re.compile(r"\.ffn_\w+\.|\.laurel_\w+\.|\.inp_gate\.|\.proj\.")),
    ("mixers", re.compile(r"\.(?:attn|ssm|shortconv|time_mix|indexer)_?\w*(?:\.\w+)*\.")),
)
"""The part that a tensor's name says; the first that fits counts. Mixers are attention and recurrent ones."""


@dataclass(frozen=True, kw_only=True)
class GgufHeld:
    """Values and bytes of some tensors of GGUF files.

    Attributes:
        params: How many values.
        num_bytes: What they take, scales included.
    """

    params: int
    num_bytes: int


@dataclass(frozen=True, kw_only=True)
class GgufPart:
    """One part of a model in GGUF files, and by its configuration.

    Attributes:
        params: Parameters in the files.
        params_stated: By the configuration; 0 where there is none.
        num_bytes: What the files hold of it.
        types: Types of its tensors, that of most values first.
    """

    params: int
    params_stated: int
    num_bytes: int
    types: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class GgufModel:
    """What GGUF files say of a model, and hold of it.

    Attributes:
        name: Of the file, without what numbers its pieces.
        num_files, num_tensors: How many.
        version: Of the format.
        architecture: llama.cpp's word for the family; empty where the files do not say.
        num_layers, d_model, max_context: By the files; 0 where they do not say.
        num_experts, top_k: E and k, 0 of a dense model.
        types: By type, that of most bytes first.
        parts: By part; ``mixers`` are attention and recurrent ones together.
        configured: Whether a ``config.json`` stands beside the files.
    """

    name: str
    num_files: int
    num_tensors: int
    version: int
    architecture: str
    num_layers: int
    d_model: int
    max_context: int
    num_experts: int
    top_k: int
    types: dict[str, GgufHeld]
    parts: dict[str, GgufPart]
    configured: bool

    @property
    def params(self) -> int:
        """Parameters in the files, without buffers, copies and layers that predict later tokens."""
        return sum(part.params for name, part in self.parts.items() if name not in (BUFFER, COPY, MTP))

    @property
    def params_stated(self) -> int:
        """Parameters by the configuration, likewise; 0 where there is none."""
        return sum(part.params_stated for name, part in self.parts.items() if name != MTP)

    @property
    def num_bytes(self) -> int:
        """Bytes of all tensors."""
        return sum(held.num_bytes for held in self.types.values())


def gguf_files(model: Path) -> list[Path]:
    """The files of one model: a GGUF file with the other pieces of it, or those of a folder; none of another path.

    Raises:
        InputError: A piece is missing, or a folder holds several models.
    """
    if model.suffix == SUFFIX and model.is_file():
        return _pieces(model)
    if not model.is_dir() or next(model.glob("*.safetensors"), None):
        return []
    files = sorted(path for path in model.glob(f"*{SUFFIX}") if not path.name.startswith(_BESIDE))
    if not files:
        return []
    pieces = _pieces(files[0])
    others = [path.name for path in files if path not in pieces]
    if others:
        raise InputError(f"{model}: holds several GGUF models, {files[0].name} and {some_of(others)}: name one")
    return pieces


def gguf_model(files: list[Path], arch: ArchSpec | None = None) -> GgufModel:
    """What GGUF files hold.

    Args:
        files: The pieces of one model, in order; the first says what it is.
        arch: The model of the configuration beside them; none where there is no configuration.

    Raises:
        InputError: A file is broken, cut off, or a tensor stands in two of them.
    """
    headers = [read_gguf(file) for file in files]
    tensors = [tensor for header in headers for tensor in header.tensors]
    twice = [name for name, number in Counter(tensor.name for tensor in tensors).items() if number > 1]
    if twice:
        raise InputError(f"{files[0].parent}: {some_of(twice)} in several files")
    first, split = headers[0], _SPLIT.fullmatch(files[0].name)
    word = _text(first.pairs.get("general.architecture"))
    return GgufModel(
        name=split[1] if split else files[0].stem,
        num_files=len(files),
        num_tensors=len(tensors),
        version=first.version,
        architecture=word,
        num_layers=_number(first, f"{word}.block_count"),
        d_model=_number(first, f"{word}.embedding_length"),
        max_context=_number(first, f"{word}.context_length"),
        num_experts=_number(first, f"{word}.expert_count"),
        top_k=_number(first, f"{word}.expert_used_count"),
        types=_by_type(tensors),
        parts=_by_part(tensors, arch),
        configured=arch is not None,
    )


def _pieces(file: Path) -> list[Path]:
    """A file, with the other pieces of it where its name numbers it as one of several."""
    found = _SPLIT.fullmatch(file.name)
    if found is None:
        return [file]
    number = int(found[3])
    require(0 < number <= 10_000, f"{file.name}: pieces", "at least 1 and at most 10,000", number)
    pieces = [file.with_name(f"{found[1]}-{one:05}-of-{found[3]}.gguf") for one in range(1, number + 1)]
    if absent := [piece.name for piece in pieces if not piece.is_file()]:
        raise InputError(f"{file}: is one of {number} pieces, {some_of(absent)} missing")
    return pieces


def _by_type(tensors: Iterable[StoredTensor]) -> dict[str, GgufHeld]:
    params, sizes = Counter[str](), Counter[str]()
    for tensor in tensors:
        params[tensor.dtype] += tensor.values
        sizes[tensor.dtype] += tensor.num_bytes
    return {word: GgufHeld(params=params[word], num_bytes=size) for word, size in sizes.most_common()}


def _by_part(tensors: Iterable[StoredTensor], arch: ArchSpec | None) -> dict[str, GgufPart]:
    params, sizes, types = Counter[str](), Counter[str](), defaultdict[str, Counter[str]](Counter)
    for tensor in tensors:
        part = next((part for part, names in _PARTS if names.search(tensor.name)), OTHER)
        if part == "unembedding" and arch is not None and arch.tied_embeddings and tensor.name == "output.weight":
            part = COPY
        params[part] += tensor.values
        sizes[part] += tensor.num_bytes
        types[part][tensor.dtype] += tensor.values
    stated = _stated(arch) if arch is not None else {}
    return {
        part: GgufPart(
            params=params[part],
            params_stated=stated.get(part, 0),
            num_bytes=sizes[part],
            types=tuple(word for word, _ in types[part].most_common()),
        )
        for part in dict.fromkeys((*(part for part, _ in _PARTS), COPY, OTHER))
        if params[part] or stated.get(part)
    }


def _stated(arch: ArchSpec) -> dict[str, int]:
    """Parameters by part, as the configuration says."""
    whole = count_params(arch)
    same = ("embedding", "unembedding", "norms", "router", "dense_ffn", "shared_experts", "routed_experts")
    parts = {part: getattr(whole, part) for part in same}
    return parts | {"mixers": whole.attention + whole.recurrent, OTHER: whole.streams, MTP: count_mtp_params(arch)}


def _number(header: GgufHeader, key: str) -> int:
    value = header.pairs.get(key, 0)
    return value if type(value) is int and 0 <= value < 2**53 else 0


def _text(value: Value | None) -> str:
    return value if isinstance(value, str) else ""
