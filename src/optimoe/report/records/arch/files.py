"""What the files of a checkpoint hold, in the JSON of ``optimoe arch``."""

from dataclasses import dataclass
from typing import Literal

from optimoe.arch.checkpoint.compare import StoredModel
from optimoe.core.records import same_fields


@dataclass(frozen=True, kw_only=True)
class StoredPartRecord:
    """One part of a model, in the files of its checkpoint and by the configuration.

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
class DifferenceRecord:
    """What files hold otherwise than the configuration says: one kind of tensor, of all layers where it is so.

    Attributes:
        kind: A missing or unexpected tensor, another shape or type, or another size of a part that no tensor known
            by name explains.
        part: The part; empty of tensors whose name says none.
        tensor: Its name inside of the layer, ``*`` for the number of an expert; of a size, what there is beside
            the matrices that are known by name; empty of a type.
        layers: Numbers of the layers; empty beside the layers.
        count: How many there are; of a size or a type, in how many places.
        stated: What the configuration says; empty of unexpected tensors.
        found: What the files hold; empty of missing tensors.
    """

    kind: Literal["missing", "unexpected", "shape", "size", "type"]
    part: str
    tensor: str
    layers: tuple[int, ...]
    count: int
    stated: str
    found: str


@dataclass(frozen=True, kw_only=True)
class StoredModelRecord:
    """What the files of a checkpoint hold by their headers, beside what its configuration says.

    Attributes:
        num_files: Files with tensors.
        num_tensors: Tensors in them.
        params: Parameters in the files, without layers that predict later tokens.
        params_stated: Parameters by the configuration, likewise.
        num_bytes: Bytes of all tensors.
        bytes_stated: Bytes by the configuration, of parameters alone.
        types: Bytes of all tensors by type, in the words of the format.
        parts: By part, as in ``parts`` of the count; and ``mtp``, layers that predict later tokens.
        beside: Bytes of what is no parameter of the language model: ``copy`` of what stands elsewhere (a tied
            embedding), ``buffer`` that no gradient moves, ``other`` modalities, ``unexpected`` tensors.
        differences: What is otherwise than the configuration says; empty where all is equal.
    """

    num_files: int
    num_tensors: int
    params: int
    params_stated: int
    num_bytes: int
    bytes_stated: float
    types: dict[str, int]
    parts: dict[str, StoredPartRecord]
    beside: dict[str, int]
    differences: tuple[DifferenceRecord, ...]


def stored_record(stored: StoredModel) -> StoredModelRecord:
    """What the files of a checkpoint hold, as plain values."""
    return same_fields(
        StoredModelRecord,
        stored,
        parts={name: same_fields(StoredPartRecord, part) for name, part in stored.parts.items()},
        differences=tuple(same_fields(DifferenceRecord, difference) for difference in stored.differences),
    )
