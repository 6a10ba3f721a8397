"""What the configuration of a checkpoint says that its files hold: parameters, bytes, types and shapes by part."""

import re
from collections import defaultdict
from dataclasses import dataclass

from optimoe.arch.checkpoint.headers import BITS
from optimoe.arch.checkpoint.places import MTP
from optimoe.arch.hf.quantization.matrices import Matrix, layer_matrices
from optimoe.arch.memory import WEIGHT_PARTS, weight_bytes
from optimoe.arch.params import count_mtp_params, count_params, layer_params
from optimoe.arch.precision.formats import BITS_PER_VALUE, bytes_per_value
from optimoe.arch.precision.parts import LAYER_PARTS
from optimoe.arch.spec import ArchSpec, LayerGroup

Cell = tuple[int | None, str]
"""A part in one layer, or beside the layers."""
PLAIN_TYPES = {"float32": "F32", "bfloat16": "BF16", "float16": "F16"}
"""Types of weights that nobody quantised, by the word of a ``config.json``."""

INTEGERS = ("U8", "I8", "I16", "U16", "I32", "U32", "I64", "U64")
"""Types in which several values of a quantised format may be packed."""
_TYPES_OF: dict[str, tuple[str, ...]] = {
    "fp8": ("F8_E4M3", "F8_E5M2", "F8_E4M3FNUZ", "F8_E5M2FNUZ"),
    "int8": INTEGERS,
    "int4": INTEGERS,
    "mxfp4": ("U8", "F4"),
    "nvfp4": ("U8", "F4"),
}
"""Types in which files hold the values of a quantised format, packed or not."""
_EXPERT = re.compile(r"experts\.\d+")


def cell_params(arch: ArchSpec) -> dict[Cell, int]:
    """Parameters of every part in every layer, and beside the layers; cells without any are left out."""
    whole = count_params(arch)
    cells: dict[Cell, int] = {(None, part): getattr(whole, part) for part in WEIGHT_PARTS}
    cells[None, MTP] = count_mtp_params(arch)
    for layer, group in enumerate(arch.unrolled):
        for part, params in layer_params(arch, group).items():
            if part in WEIGHT_PARTS and not group.reused:
                beside = arch.d_model * sum(table.d_ff for table in group.layer_embeddings)  # one for all layers
                cells[layer, part] = params - beside * (part == "dense_ffn")
                cells[None, part] -= cells[layer, part]
    return {cell: params for cell, params in cells.items() if params}


def part_bytes(arch: ArchSpec, plain: str) -> dict[str, float]:
    """Bytes of every part in the formats that are stated, or in one type where nothing is quantised.

    Args:
        arch: The model.
        plain: That type; empty where none is stated, bf16 then.
    """
    params, later = count_params(arch), count_mtp_params(arch)
    if plain and not arch.precisions.source:
        size = BITS[plain] / 8
        return {part: size * getattr(params, part) for part in WEIGHT_PARTS} | {MTP: size * later}
    weights, last = weight_bytes(arch), arch.layers[-1]
    layer = {part: n for part, n in layer_params(arch, last).items() if part in WEIGHT_PARTS}
    in_layer = sum(n * last.precisions.bytes_per_value(part) for part, n in layer.items())
    rest = later - arch.num_mtp_layers * sum(layer.values())
    mtp = arch.num_mtp_layers * in_layer + rest * bytes_per_value("bf16")
    return {part: getattr(weights, part) for part in WEIGHT_PARTS} | {MTP: mtp}


def word_of(arch: ArchSpec, group: LayerGroup | None, part: str) -> str:
    """The format of a part by the configuration; of layers that predict later tokens the one that is quantised."""
    if part == MTP:
        words = [arch.layers[-1].precisions.of(own) for own in LAYER_PARTS]
        return next((word for word in words if word != "bf16"), "bf16")
    return group.precisions.of(part) if group else str(getattr(arch.precisions, part, "bf16"))


def types_of(word: str, plain: str) -> tuple[str, ...]:
    """Types in which files may hold the values of a format."""
    return _TYPES_OF.get(word, (plain,) if plain else tuple(PLAIN_TYPES.values()))


def packed_bits(word: str) -> int:
    """Bits of one value that integers hold in a format, without its scales; 0 of a format that is not packed."""
    return int(BITS_PER_VALUE[word]) if word in _TYPES_OF else 0


@dataclass(frozen=True, kw_only=True)
class LayerShapes:
    """The matrices of a layer as its checkpoint may call them.

    Attributes:
        matrices: All of them.
        named: Those that a name stands for: several where a family stacks them in one tensor.
    """

    matrices: tuple[Matrix, ...]
    named: dict[str, tuple[Matrix, ...]]

    def shape(self, inside: str) -> tuple[int, int] | None:
        """Rows and columns of a tensor by its name inside of the layer; none where no matrix bears it."""
        found = self.named.get(_EXPERT.sub("experts.{}", inside.removesuffix(".weight")))
        return (sum(matrix.rows for matrix in found), found[0].columns) if found else None


def layer_shapes(group: LayerGroup, d_model: int) -> LayerShapes:
    """The matrices of a layer of a group."""
    matrices, named = tuple(layer_matrices(group, d_model)), defaultdict(list)
    for matrix in matrices:
        for name in matrix.names:
            named[name].append(matrix)
    return LayerShapes(matrices=matrices, named={name: tuple(found) for name, found in named.items()})
