"""Which part of a layer, and of what stands beside the layers, is stored in which format."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from optimoe.arch.precision.formats import BITS_PER_VALUE, bytes_per_value
from optimoe.core.errors import ConfigError, UnknownNameError

LAYER_PARTS = ("attention", "router", "dense_ffn", "shared_experts", "routed_experts")
"""Parts of a layer that have a precision of their own; its norms and what mixes its streams are bf16 always."""
_PART_OF = {"recurrent": "attention", "routed_experts_active": "routed_experts"}


@dataclass(frozen=True, kw_only=True)
class LayerPrecisions:
    """Formats of the weights of one layer, by part; norms are always bf16.

    Attributes:
        attention: Projections of the mixer, softmax or recurrent.
        router, dense_ffn, shared_experts, routed_experts: As in :class:`~optimoe.arch.params.ParamCount`.
        activations: Format of what enters the quantised products; bf16 is weight-only.
        plain: Share of a part's values that stays bf16 although the part is quantised, because a list of
            exceptions names some of its matrices.
        bits: Bits of one quantised value of a part with its share of scales and zero points, where a
            checkpoint's differ from the format's own (:data:`BITS_PER_VALUE`).
        entering: Format of what enters the products of a part, where it is not ``activations`` (fp8 attention
            beside weight-only experts).

    Raises:
        UnknownNameError: No such format, or no such part.
        ConfigError: A share is not in [0, 1], or bits are not positive.
    """

    attention: str = "bf16"
    router: str = "bf16"
    dense_ffn: str = "bf16"
    shared_experts: str = "bf16"
    routed_experts: str = "bf16"
    activations: str = "bf16"
    plain: tuple[tuple[str, float], ...] = ()
    bits: tuple[tuple[str, float], ...] = ()
    entering: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        _require_formats(getattr(self, name) for name in (*LAYER_PARTS, "activations"))
        _require_formats(word for _, word in self.entering)
        for part, _ in (*self.plain, *self.bits, *self.entering):
            if part not in LAYER_PARTS:
                raise UnknownNameError("part", part, LAYER_PARTS)
        for part, share in self.plain:
            if not 0 <= share <= 1:
                raise ConfigError(f"plain: {part} must be a share in [0, 1], got {share}")
        for part, bits in self.bits:
            if not bits > 0:
                raise ConfigError(f"bits: {part} must be positive, got {bits}")

    def of(self, part: str) -> str:
        """The format of a part, by its name here or in a count of parameters; bf16 of norms."""
        name = _PART_OF.get(part, part)
        return getattr(self, name) if name in LAYER_PARTS else "bf16"

    def activations_of(self, part: str) -> str:
        """The format of what enters the quantised products of a part."""
        return dict(self.entering).get(_PART_OF.get(part, part), self.activations)

    def with_dense_as_routed(self) -> "LayerPrecisions":
        """The formats of a layer whose dense feed-forward takes the place of its experts, and their format."""
        moved = {"attention": "attention", "routed_experts": "dense_ffn"}
        kept: dict[str, Any] = {
            name: tuple((moved[part], value) for part, value in getattr(self, name) if part in moved)
            for name in ("plain", "bits", "entering")
        }
        return LayerPrecisions(
            attention=self.attention, dense_ffn=self.routed_experts, activations=self.activations, **kept
        )

    def plain_share(self, part: str) -> float:
        """Share of a part's values that stays bf16 though the part is quantised."""
        return dict(self.plain).get(_PART_OF.get(part, part), 0.0)

    def bytes_per_value(self, part: str) -> float:
        """Mean bytes of one value of a part: (1 − p)·b/8 + 2·p, p its plain share, b bits with scales."""
        name = _PART_OF.get(part, part)
        stated = dict(self.bits).get(name)
        quantised = bytes_per_value(self.of(part)) if stated is None else stated / 8
        plain = self.plain_share(part)
        return (1 - plain) * quantised + plain * bytes_per_value("bf16") if plain else quantised


@dataclass(frozen=True, kw_only=True)
class CheckpointPrecisions:
    """What a checkpoint states beside its layers.

    Attributes:
        embedding, unembedding: Formats of the two ends.
        kv_cache: Format of the cache that it asks for; empty where it asks for none.
        bits: Bits of one value of an end with its share of scales, where they differ from the format's own.
        source: Where all of its formats are from: ``quantization_config``, ``hf_quant_config.json``,
            ``stated``; empty where nothing was stated.
        warning: What a reader must know of that source; empty otherwise. Neither changes an answer, so
            neither makes two checkpoints unequal.

    Raises:
        UnknownNameError: No such format.
    """

    embedding: str = "bf16"
    unembedding: str = "bf16"
    kv_cache: str = ""
    bits: tuple[tuple[str, float], ...] = ()
    source: str = field(default="", compare=False)
    warning: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        _require_formats((self.embedding, self.unembedding, self.kv_cache or "bf16"))

    def bytes_per_value(self, end: str) -> float:
        """Bytes of one value of the ``embedding`` or the ``unembedding``, its share of scales included."""
        stated = dict(self.bits).get(end)
        return bytes_per_value(getattr(self, end)) if stated is None else stated / 8


def _require_formats(precisions: Iterable[str]) -> None:
    for precision in precisions:
        if precision not in BITS_PER_VALUE:
            raise UnknownNameError("precision", precision, BITS_PER_VALUE)
