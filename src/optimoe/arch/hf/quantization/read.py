"""An architecture with the formats that its checkpoint states, layer by layer."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from optimoe.arch.hf.quantization.matrices import EMBEDDINGS, HEADS, LAYER_PREFIXES, Matrix, layer_matrices
from optimoe.arch.hf.quantization.methods import read_method
from optimoe.arch.hf.quantization.scheme import Scheme
from optimoe.arch.hf.quantization.stated import Config, Stated
from optimoe.arch.params import layer_params
from optimoe.arch.parts import MatrixChain
from optimoe.arch.precision.formats import BITS_PER_VALUE
from optimoe.arch.precision.parts import LAYER_PARTS, CheckpointPrecisions, LayerPrecisions
from optimoe.arch.spec import ArchSpec, LayerGroup, grouped
from optimoe.core.errors import require

_PLAIN_BITS = BITS_PER_VALUE["bf16"]
_SAYS_QUANTISED = re.compile(
    r"(?<![a-z])(fp8|nvfp4|mxfp4|fp4|awq|gptq|int4|int8|w4a16|w4a8|w8a8|w8a16|bnb)(?![a-z])"
)


def quantised(arch: ArchSpec, config: Config, source: str) -> ArchSpec:
    """The model in the formats that a ``quantization_config`` or ``hf_quant_config.json`` states.

    Args:
        arch: Its shape.
        config: The configuration.
        source: What to call it.

    Raises:
        ConfigError: A field of it is out of limits.
    """
    stated = read_method(config)
    if any(group.reused or any(isinstance(part, MatrixChain) for part in group.beside) for group in arch.layers):
        named = all(names.within((*EMBEDDINGS, *HEADS)) for names in stated.lists)
        require(named, source, "without lists of layers' modules where layers share weights", "such a list")
    layers: list[LayerGroup] = []
    for group in arch.layers:
        for _ in range(group.num_layers):
            precisions = _layer(arch, group, len(layers), stated)
            layers.append(replace(group, num_layers=1, precisions=precisions))
    schemes = {"embedding": stated.scheme(EMBEDDINGS, linear=False)}
    if not arch.tied_embeddings:
        schemes["unembedding"] = stated.head_scheme(HEADS)
    ends: dict[str, Any] = {end: scheme.word for end, scheme in schemes.items() if scheme}
    rows = {"embedding": arch.vocab_size, "unembedding": arch.logits}
    bits = tuple(
        (end, scheme.bits(rows[end], arch.embedding_width) / (rows[end] * arch.embedding_width))
        for end, scheme in schemes.items()
        if scheme
    )
    checkpoint = CheckpointPrecisions(
        **ends,
        bits=bits,
        kv_cache=stated.kv_cache,
        source=source,
        warning=f"{source}: {stated.warning}" if stated.warning else "",
    )
    return replace(arch, layers=grouped(layers), precisions=checkpoint)


def without_config(arch: ArchSpec) -> ArchSpec:
    """The model of a configuration that states no formats: bf16, with a warning where its name says otherwise."""
    said = _SAYS_QUANTISED.search(arch.name.lower())
    if said is None:
        return arch
    warning = (
        f"the name says {said[1].upper()}, the file has no quantization_config: read as bf16; "
        "state --precision, or put hf_quant_config.json beside it"
    )
    return replace(arch, precisions=CheckpointPrecisions(warning=warning))


@dataclass
class _Sum:
    """Values of one part of a layer: by scheme and format, and those of matrices that are excepted."""

    words: Counter[tuple[str, str]] = field(default_factory=Counter)
    bits: float = 0
    excepted: int = 0

    def add(self, matrix: Matrix, count: int, scheme: Scheme | None) -> None:
        """Count so many of a matrix."""
        values = count * matrix.values
        if scheme is not None:
            self.words[scheme.word, scheme.activations] += values
            self.bits += count * scheme.bits(matrix.rows, matrix.columns)
        elif matrix.linear:
            self.excepted += values


def _layer(arch: ArchSpec, group: LayerGroup, index: int, stated: Stated) -> LayerPrecisions:
    """The formats of one layer.

    A part's format is that of most of its quantised values; its ``bits`` are those of all of its values but the
    excepted matrices': vectors and small gates stay in bf16 and are no kernel's weights.
    """
    sums = {part: _Sum() for part in LAYER_PARTS}
    for matrix in layer_matrices(group, arch.d_model):
        for names, count in _modules(matrix, index, one_by_one=stated.names_single_experts):
            sums[matrix.part].add(matrix, count, stated.scheme(names, linear=matrix.linear))
    totals = layer_params(arch, group)
    totals = totals | {"attention": totals["attention"] + totals["recurrent"]}
    found: dict[str, Any] = {}
    plain, bits, entering = [], [], []
    for part in LAYER_PARTS:
        sum_ = sums[part]
        if not sum_.words:
            continue
        quantised_values = sum(sum_.words.values())
        (found[part], activations), _ = sum_.words.most_common(1)[0]
        rest = totals[part] - quantised_values - sum_.excepted
        bits.append((part, (sum_.bits + _PLAIN_BITS * rest) / (quantised_values + rest)))
        entering.append((part, activations, quantised_values))
        if sum_.excepted:
            plain.append((part, sum_.excepted / totals[part]))
    main = max(entering, key=lambda entry: entry[2])[1] if entering else "bf16"
    others = tuple((part, word) for part, word, _ in entering if word != main)
    return LayerPrecisions(**found, activations=main, plain=tuple(plain), bits=tuple(bits), entering=others)


def _modules(matrix: Matrix, layer: int, *, one_by_one: bool) -> Iterator[tuple[tuple[str, ...], int]]:
    """The full names of a matrix, and for how many it stands; experts as one unless they must be told apart."""
    experts: Iterable[tuple[int, int]] = [(0, matrix.count)]
    if one_by_one and matrix.count > 1:
        experts = ((expert, 1) for expert in range(matrix.count))
    for expert, count in experts:
        names = (name.replace("{}", str(expert)) for name in matrix.names)
        full = [f"{layer}.{name}" for name in names]
        yield tuple(f"{prefix}.{name}" for prefix in LAYER_PREFIXES for name in full), count
