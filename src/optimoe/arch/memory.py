"""Bytes at rest: weights by part, the growing cache, and the fixed state of recurrent mixers."""

from collections import Counter
from dataclasses import dataclass, fields
from typing import Any

from optimoe.arch.params import count_params, end_norm_params, last_streams_params, layer_params
from optimoe.arch.precision.formats import bytes_per_value
from optimoe.arch.spec import ArchSpec

STATE_BYTES = 4
"""Recurrent states are kept in fp32 (Mamba's and the gated delta rule's own code)."""

CONTEXTS = tuple(1024 * 2**power for power in range(11))
"""Tokens of the sequences whose cache is listed: 1,024 to about a million."""


@dataclass(frozen=True, kw_only=True)
class WeightBytes:
    """Bytes of the weights by part, scales and zero points included; parts as in a count of parameters."""

    embedding: float
    unembedding: float
    attention: float
    recurrent: float
    norms: float
    streams: float
    router: float
    dense_ffn: float
    shared_experts: float
    routed_experts: float

    @property
    def total(self) -> float:
        """Everything stored, without layers of multi-token prediction."""
        return sum(getattr(self, part) for part in WEIGHT_PARTS)


WEIGHT_PARTS = tuple(field.name for field in fields(WeightBytes))
"""Parts of the weights, in the order of a model."""


def weight_bytes(arch: ArchSpec) -> WeightBytes:
    """Bytes of all weights in the formats that the model states: Σ layers Σ parts values · bytes per value."""
    ends, params = arch.precisions, count_params(arch)
    sums: dict[str, float] = dict.fromkeys(WEIGHT_PARTS, 0)
    for group in arch.layers:
        for part, values in layer_params(arch, group).items():
            if part in sums:
                sums[part] = sums[part] + group.num_stored * values * group.precisions.bytes_per_value(part)
    sums["norms"] = sums["norms"] + end_norm_params(arch) * bytes_per_value("bf16")
    sums["streams"] = sums["streams"] + last_streams_params(arch) * bytes_per_value("bf16")
    sums["embedding"] = params.embedding * ends.bytes_per_value("embedding")
    sums["unembedding"] = params.unembedding * ends.bytes_per_value("unembedding")
    return WeightBytes(**sums)


def weight_formats(arch: ArchSpec) -> dict[str, tuple[str, ...]]:
    """The formats of each part that has weights, that of most values first; of a grid by the sum of its models."""
    ends, params = arch.precisions, count_params(arch)
    found: dict[str, Any] = {part: Counter() for part in WEIGHT_PARTS}
    found["embedding"][ends.embedding] += _sum(params.embedding)
    found["unembedding"][ends.unembedding] += _sum(params.unembedding)
    found["norms"]["bf16"] += _sum(params.norms)
    found["streams"]["bf16"] += _sum(params.streams)
    for group in arch.layers:
        for part, values in layer_params(arch, group).items():
            if part in found and part not in ("norms", "streams"):
                number, plain = _sum(group.num_stored * values), group.precisions.plain_share(part)
                found[part][group.precisions.of(part)] += (1 - plain) * number
                found[part]["bf16"] += plain * number
    ordered = {part: [word for word, values in words.most_common() if values > 0] for part, words in found.items()}
    return {part: tuple(words) for part, words in ordered.items() if words}


def main_format(arch: ArchSpec) -> str:
    """The format of most of the values that the layers store; of a grid by the sum of its models."""
    values: Any = Counter()
    for group in arch.layers:
        for part, number in layer_params(arch, group).items():
            if part in WEIGHT_PARTS:
                values[group.precisions.of(part)] += _sum(group.num_stored * number)
    return values.most_common(1)[0][0]


def _sum(values: Any) -> float:
    return float(values.sum()) if hasattr(values, "sum") else values


def kv_bytes_per_token(arch: ArchSpec, precision: str = "bf16") -> float:
    """Cache bytes that one more token adds while no window is full; 0 from recurrent mixers."""
    values = sum(group.num_layers * group.mixer.cache_values for group in arch.layers)
    return values * bytes_per_value(precision)


def state_bytes(arch: ArchSpec) -> float:
    """Bytes of one sequence's recurrent states and convolution tails, whatever its length."""
    return STATE_BYTES * sum(group.num_layers * group.mixer.state_values for group in arch.layers)


def kv_bytes(arch: ArchSpec, tokens: float, precision: str = "bf16") -> float:
    """Bytes of one sequence of ``tokens``: the cache, a window holding no more than its width, and the states."""
    values = sum(group.num_layers * group.mixer.held_values(tokens) for group in arch.layers)
    return values * bytes_per_value(precision) + state_bytes(arch)


def kv_bytes_by_context(arch: ArchSpec, precision: str = "bf16") -> tuple[tuple[int, float], ...]:
    """Tokens of a sequence beside the bytes of :func:`kv_bytes`, for the lengths of :data:`CONTEXTS`.

    No longer ones than the model was made for, where it says so.
    """
    most = arch.max_context or max(CONTEXTS)
    return tuple((tokens, kv_bytes(arch, tokens, precision)) for tokens in CONTEXTS if tokens <= most)


def kv_read_bytes(arch: ArchSpec, tokens: float, precision: str = "bf16") -> float:
    """Bytes that decoding one token reads of a sequence of ``tokens``: its cache and states.

    An indexer reads every index key, and the latents of its selection only.
    """
    values = sum(group.num_layers * group.mixer.read_values(tokens) for group in arch.layers)
    return values * bytes_per_value(precision) + state_bytes(arch)
