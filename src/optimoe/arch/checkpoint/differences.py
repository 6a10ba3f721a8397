"""Which tensors of a checkpoint are otherwise than its configuration says."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Literal

from optimoe.arch.checkpoint.found import CellSum, FoundTensors
from optimoe.arch.checkpoint.shards import some_of
from optimoe.arch.checkpoint.stated import (
    PLAIN_TYPES,
    Cell,
    LayerShapes,
    cell_params,
    layer_shapes,
    types_of,
    word_of,
)
from optimoe.arch.hf.quantization.matrices import Matrix
from optimoe.arch.precision.formats import PLAIN_FORMAT
from optimoe.arch.spec import ArchSpec

Otherwise = Literal["missing", "unexpected", "shape", "size", "type"]
_NUMBER = re.compile(r"experts\.\d+")
_LAYER = re.compile(r"\b(layers|blocks|h)\.\d+\.")


@dataclass(frozen=True, kw_only=True)
class Difference:
    """What files hold otherwise than the configuration says: one kind of tensor, of all layers where it is so.

    Attributes:
        kind: A ``missing`` or ``unexpected`` tensor, another ``shape`` or ``type``, or another ``size`` of a part
            that no tensor known by name explains.
        part: The part; empty of tensors whose name says none.
        tensor: Its name inside of the layer, ``*`` for the number of an expert; of a size, what there is beside
            the matrices that are known by name; empty of a type.
        layers: Numbers of the layers; empty beside the layers.
        count: How many there are; of a size or a type, in how many places.
        stated: What the configuration says; empty of unexpected tensors.
        found: What the files hold; empty of missing tensors.
    """

    kind: Otherwise
    part: str
    tensor: str
    layers: tuple[int, ...]
    count: int
    stated: str
    found: str


_OTHER_TABLES = re.compile(r"wpe|position|embed_tokens_per_layer")
"""Names of embeddings whose rows are no tokens of the vocabulary, or no values of the residual."""
_Key = tuple[Otherwise, str, str, str, str]


def differences(arch: ArchSpec, found: FoundTensors, plain: str) -> tuple[Difference, ...]:
    """All that the files hold otherwise, equal things of several layers or experts together.

    Args:
        arch: The model of the configuration.
        found: The tensors in their places.
        plain: Type of what is not quantised, by the configuration; empty where it states none.
    """
    stated, counts, places = cell_params(arch), Counter[_Key](), dict[_Key, set[int]]()
    groups = arch.unrolled
    used = {_NUMBER.sub("experts.{}", name) for cell in found.cells.values() for name in cell.tensors}
    shapes = cache(lambda group: layer_shapes(group, arch.d_model))
    width = arch.embedding_width
    ends = {} if arch.tables else {"embedding": (arch.vocab_size, width)}
    ends |= {} if arch.projections else {"unembedding": (arch.logits, width)}
    for cell in sorted({*found.cells, *stated}, key=lambda cell: (cell[0] is not None, cell[0] or 0, cell[1])):
        layer, part = cell
        group = groups[layer] if layer is not None else None
        there = found.cells.get(cell, CellSum())
        known = shapes(group) if group else None
        keys = [*_sizes(cell, there, stated.get(cell, 0), known, ends.get(part), used)]
        word = word_of(arch, group, part)
        if group and group.precisions.plain_share(part) > 0.5:  # most of its matrices are excepted
            word = PLAIN_FORMAT
        keys += _types(part, there, types_of(word, plain), word if word not in ("bf16", "fp32") else plain)
        for key in keys:
            counts[key] += 1
            places.setdefault(key, set()).update(() if layer is None else (layer,))
    for name in found.strange:
        key = "unexpected", "", _NUMBER.sub("experts.*", _LAYER.sub(r"\1.*.", name)), "", ""
        counts[key] += 1
        places[key] = set()
    return tuple(
        Difference(
            kind=kind,
            part=part,
            tensor=tensor,
            layers=tuple(sorted(places[key])),
            count=count,
            stated=says,
            found=has,
        )
        for key, count in counts.items()
        for kind, part, tensor, says, has in [key]
    )


def _sizes(
    cell: Cell,
    there: CellSum,
    stated: int,
    known: LayerShapes | None,
    end: tuple[int, int] | None,
    used: set[str],
) -> Iterator[_Key]:
    """Tensors of another shape, then those that are missing; what neither explains is another size of the part."""
    part, explained = cell[1], 0
    others = []
    for name, tensor in there.tensors.items():
        by_token = tensor.name.endswith(".weight") and not _OTHER_TABLES.search(tensor.name)
        shape = known.shape(name) if known else end if by_token else None
        whole = len(tensor.shape) == 2 and (tensor.dtype in PLAIN_TYPES.values() or tensor.dtype.startswith("F8"))
        if shape and whole and tensor.shape not in (shape, shape[::-1]):  # GPT-2 stores inputs first
            explained += tensor.values - shape[0] * shape[1]
            yield "shape", part, _NUMBER.sub("experts.*", name), _words(shape), _words(tensor.shape)
        elif not shape:
            others.append(_NUMBER.sub("experts.*", name))
    if there.params - stated == explained:
        return
    for matrix, name in _missing(known, part, there, used) if known else ():
        explained -= matrix.values
        yield "missing", part, _NUMBER.sub("experts.*", name), _words((matrix.rows, matrix.columns)), ""
    if not there.tensors and not explained:
        yield "missing", part, "", f"{stated:,} parameters", ""
    elif there.params - stated != explained:
        yield "size", part, some_of(set(others)), f"{stated:,} parameters", f"{there.params:,} parameters"


def _missing(known: LayerShapes, part: str, there: CellSum, used: set[str]) -> Iterator[tuple[Matrix, str]]:
    """Matrices of a part of which no tensor bears a name.

    None where a tensor holds those of all experts, or where a family has names of its own.
    """
    modules = {name.rpartition(".")[0] for name in there.tensors}
    stacked = any(len(tensor.shape) > 2 for tensor in there.tensors.values())
    if stacked or not any(known.shape(name) for name in there.tensors):
        return
    for matrix in known.matrices:
        if {"recurrent": "attention"}.get(part, part) != matrix.part:
            continue
        name = next((name for name in matrix.names if f"{name}.weight" in used), matrix.names[0])
        for expert in range(matrix.count):
            if not any(own.replace("{}", str(expert)) in modules for own in matrix.names):
                yield matrix, f"{name.replace('{}', str(expert))}.weight"


def _types(part: str, there: CellSum, allowed: tuple[str, ...], stated: str) -> Iterator[_Key]:
    """The type of most parameters of a part, where it is another than its format's."""
    if there.types:
        ((word, _),) = there.types.most_common(1)
        if word not in allowed:
            yield "type", part, "", stated or " or ".join(allowed), word


def _words(shape: tuple[int, ...]) -> str:
    return f"({', '.join(map(str, shape))})"
