"""A model as deployments quantise it under one word, or part by part."""

from dataclasses import replace
from typing import Any

from optimoe.arch.precision.formats import find_format
from optimoe.arch.precision.parts import LAYER_PARTS, CheckpointPrecisions, LayerPrecisions
from optimoe.arch.spec import ArchSpec

AUTO = "auto"
"""The checkpoint's own precision."""
_EVERY_LINEAR = ("attention", "dense_ffn", "shared_experts", "routed_experts")
_FEED_FORWARD = ("dense_ffn", "shared_experts", "routed_experts")
_QUANTISED: dict[str, tuple[str, ...]] = {
    "fp32": LAYER_PARTS,
    "bf16": LAYER_PARTS,
    # The default recipes of llm-compressor, AutoAWQ and modelopt: all linear layers of the blocks, but for the
    # router and the two ends of the model.
    "fp8": _EVERY_LINEAR,
    "int8": _EVERY_LINEAR,
    "int4": _EVERY_LINEAR,
    "nvfp4": _EVERY_LINEAR,
    "mxfp4": _FEED_FORWARD,  # attention stays bf16: the model card of gpt-oss, arXiv 2508.10925, Sec. 2.1
}
"""Parts of a layer that a deployment under that word quantises."""
_ACTIVATIONS = {"fp32": "fp32", "fp8": "fp8", "int8": "int8", "nvfp4": "nvfp4"}
"""What enters the products under that word; bf16 otherwise (weight-only)."""


def with_precision(
    arch: ArchSpec,
    precision: str = AUTO,
    *,
    experts: str = "",
    attention: str = "",
    embedding: str = "",
    head: str = "",
    activations: str = "",
) -> ArchSpec:
    """The model in another precision, as deployments quantise under one word, and parts that are stated apart.

    fp8, int8, int4 and nvfp4 are the format of every linear layer of the blocks; mxfp4 that of the feed-forwards
    only; bf16 and fp32 of everything. Embeddings, head, router and norms stay bf16 under the quantised ones.

    Args:
        arch: The model; a part that is not restated keeps what its checkpoint says.
        precision: The word; ``auto`` keeps the checkpoint's own.
        experts: Format of routed and shared experts; empty as the word or the checkpoint says, like all below.
        attention: Of the mixers' projections.
        embedding: Of the embedding.
        head: Of the unembedding.
        activations: Of what enters quantised products.

    Raises:
        UnknownNameError: No such precision.
    """
    precision, experts, attention, embedding, head, activations = (
        find_format("precision", word, AUTO) if word else ""
        for word in (precision, experts, attention, embedding, head, activations)
    )
    ends, layers = arch.precisions, tuple(group.precisions for group in arch.layers)
    if precision != AUTO:
        layers = (_layer(precision),) * len(layers)
        plain = precision if precision in ("bf16", "fp32") else "bf16"
        ends = CheckpointPrecisions(embedding=plain, unembedding=plain, source="stated")
    stated = {"routed_experts": experts, "shared_experts": experts, "attention": attention}
    layers = tuple(_restated(layer, stated, activations) for layer in layers)
    parts = {"embedding": embedding, "unembedding": head}
    words = _words(parts)
    ends = replace(ends, **words, bits=tuple(pair for pair in ends.bits if pair[0] not in words))
    if any(map(_is_word, (experts, attention, embedding, head, activations))):
        ends = replace(ends, source=f"{ends.source} and stated" if ends.source not in ("", "stated") else "stated")
    groups = (replace(group, precisions=new) for group, new in zip(arch.layers, layers, strict=True))
    return replace(arch, layers=tuple(groups), precisions=ends)


def _layer(precision: str) -> LayerPrecisions:
    parts: dict[str, Any] = dict.fromkeys(_QUANTISED[precision], precision)
    return LayerPrecisions(**parts, activations=_ACTIVATIONS.get(precision, "bf16"))


def _restated(layer: LayerPrecisions, parts: dict[str, str], activations: str) -> LayerPrecisions:
    """A layer with some parts in another format, of which shares and bits of the old one no longer hold."""
    words = _words(parts)
    kept: dict[str, Any] = {
        name: tuple(pair for pair in getattr(layer, name) if pair[0] not in words) for name in ("plain", "bits")
    }
    if _is_word(activations):
        kept["entering"] = ()
    return replace(layer, **kept, **words, **_words({"activations": activations}))


def _words(parts: dict[str, str]) -> dict[str, Any]:
    return {part: word for part, word in parts.items() if _is_word(word)}


def _is_word(word: str) -> bool:
    return word not in ("", AUTO)
