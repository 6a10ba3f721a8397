"""A checkpoint's headers beside what its configuration says: parameters, bytes and types, part by part."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from optimoe.arch.checkpoint.differences import Difference, differences
from optimoe.arch.checkpoint.found import found_tensors
from optimoe.arch.checkpoint.headers import StoredTensor
from optimoe.arch.checkpoint.places import MTP
from optimoe.arch.checkpoint.shards import read_headers
from optimoe.arch.checkpoint.stated import PLAIN_TYPES, cell_params, part_bytes
from optimoe.arch.memory import WEIGHT_PARTS
from optimoe.arch.spec import ArchSpec
from optimoe.core.config import load_json


@dataclass(frozen=True, kw_only=True)
class StoredPart:
    """One part of a model, in the files and by the configuration.

    Attributes:
        params: Parameters in the files.
        params_stated: Parameters by the configuration.
        num_bytes: What the files hold of it, scales and zero points included.
        bytes_stated: By the configuration: in its formats, or in its ``dtype`` where nothing is quantised.
        types: Types of its parameters in the files, that of most of them first.
    """

    params: int
    params_stated: int
    num_bytes: int
    bytes_stated: float
    types: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class StoredModel:
    """What the files of a checkpoint hold, beside what its configuration says.

    Attributes:
        num_files: Files with tensors.
        num_tensors: Tensors in them.
        parts: By part, as in a count of parameters; and ``mtp``, layers that predict later tokens.
        types: Bytes of all tensors by type.
        beside: Bytes of what is no parameter of the language model: ``copy`` of what stands elsewhere (a tied
            embedding), ``buffer`` that no gradient moves, ``other`` modalities, ``unexpected`` tensors.
        differences: What is otherwise than the configuration says; empty where all is equal.
    """

    num_files: int
    num_tensors: int
    parts: dict[str, StoredPart]
    types: dict[str, int]
    beside: dict[str, int]
    differences: tuple[Difference, ...]

    @property
    def params(self) -> int:
        """Parameters in the files, without layers that predict later tokens."""
        return sum(part.params for name, part in self.parts.items() if name != MTP)

    @property
    def params_stated(self) -> int:
        """Parameters by the configuration, likewise."""
        return sum(part.params_stated for name, part in self.parts.items() if name != MTP)

    @property
    def num_bytes(self) -> int:
        """Bytes of all tensors."""
        return sum(self.types.values())

    @property
    def bytes_stated(self) -> float:
        """Bytes by the configuration, layers that predict later tokens included."""
        return sum(part.bytes_stated for part in self.parts.values())


def stored_model(folder: Path, arch: ArchSpec) -> StoredModel:
    """What the files of a folder hold, by their headers, beside the model of its ``config.json``.

    Raises:
        InputError: A file is missing, broken or cut off.
    """
    config = load_json(folder / "config.json")
    text = config.get("text_config")
    fields = config | (text if isinstance(text, dict) else {})
    stated = fields.get("dtype") or fields.get("torch_dtype")
    plain = PLAIN_TYPES.get(stated, "") if isinstance(stated, str) else ""
    return compare_stored(arch, read_headers(folder), plain)


def compare_stored(arch: ArchSpec, tensors: Mapping[str, StoredTensor], plain: str = "") -> StoredModel:
    """Tensors of a checkpoint beside the model of its configuration.

    Args:
        arch: The model, in the formats that its configuration states.
        tensors: By name.
        plain: Type of what is not quantised, by the configuration; empty where it states none.
    """
    found = found_tensors(arch, tensors.values())
    kinds, stated = Counter[str](), Counter[str]()
    for tensor in tensors.values():
        kinds[tensor.dtype] += tensor.num_bytes
    for (_, part), params in cell_params(arch).items():
        stated[part] += params
    held, sizes, types = Counter[str](), Counter[str](), defaultdict[str, Counter[str]](Counter)
    for (_, part), cell in found.cells.items():
        held[part] += cell.params
        sizes[part] += cell.num_bytes
        types[part].update(cell.types)
    bytes_stated = part_bytes(arch, plain)
    return StoredModel(
        num_files=len({tensor.file for tensor in tensors.values()}),
        num_tensors=len(tensors),
        parts={
            part: StoredPart(
                params=held[part],
                params_stated=stated[part],
                num_bytes=sizes[part],
                bytes_stated=bytes_stated[part],
                types=tuple(word for word, _ in types[part].most_common()),
            )
            for part in (*WEIGHT_PARTS, MTP)
            if held[part] or stated[part]
        },
        types=dict(kinds.most_common()),
        beside=dict(found.beside),
        differences=differences(arch, found, plain),
    )
