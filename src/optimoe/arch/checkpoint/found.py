"""What the files of a checkpoint hold: parameters, bytes and types, by part and layer."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from optimoe.arch.checkpoint.headers import StoredTensor
from optimoe.arch.checkpoint.places import MTP, place_of
from optimoe.arch.checkpoint.stated import INTEGERS, Cell, packed_bits, word_of
from optimoe.arch.spec import ArchSpec


@dataclass
class CellSum:
    """What the files hold of one part in one layer, or beside the layers.

    Attributes:
        params: Parameters.
        num_bytes: Bytes, scales included.
        types: Parameters by type.
        tensors: Those with parameters, by their name inside of the layer.
    """

    params: int = 0
    num_bytes: int = 0
    types: Counter[str] = field(default_factory=Counter)
    tensors: dict[str, StoredTensor] = field(default_factory=dict)


@dataclass
class FoundTensors:
    """The tensors of a checkpoint in their places.

    Attributes:
        cells: By part and layer.
        beside: Bytes of what is no parameter of the language model, by what it is.
        strange: Names of tensors that belong to no part.
    """

    cells: dict[Cell, CellSum] = field(default_factory=lambda: defaultdict(CellSum))
    beside: Counter[str] = field(default_factory=Counter)
    strange: list[str] = field(default_factory=list)


def found_tensors(arch: ArchSpec, tensors: Iterable[StoredTensor]) -> FoundTensors:
    """Put every tensor in its place; integers count as the packed values that the configuration says they are."""
    found, layers = FoundTensors(), arch.unrolled
    for tensor in tensors:
        place = place_of(tensor.name, layers, arch)
        if place.kind in ("copy", "buffer", "other"):
            found.beside[place.kind] += tensor.num_bytes
        elif not place.part:
            found.beside["unexpected"] += tensor.num_bytes
            found.strange.append(tensor.name)
        else:
            cell = found.cells[None if place.part == MTP else place.layer, place.part]
            cell.num_bytes += tensor.num_bytes
            if place.kind == "parameters":
                group = None if place.layer is None or place.part == MTP else layers[place.layer]
                bits = packed_bits(word_of(arch, group, place.part)) if tensor.dtype in INTEGERS else 0
                values = 8 * tensor.num_bytes // bits if bits else tensor.values
                cell.params += values
                cell.types[tensor.dtype] += values
                cell.tensors[place.inside] = tensor
    return found
