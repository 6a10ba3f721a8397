"""Field tables of one family or two: heads and norms that flags decide."""

from dataclasses import dataclass
from typing import Any

from optimoe.arch.hf.fields import Fields
from optimoe.arch.hf.layers import FULL, SLIDING, NormRule
from optimoe.arch.hf.mixers import Gqa
from optimoe.arch.parts import Attention
from optimoe.core.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class MultiQuery(Gqa):
    """Heads with one key-value head where ``multi_query`` is true, with as many as heads else (StarCoder)."""

    def write(self, mixer: Attention) -> dict[str, Any]:
        """The fields of an attention."""
        return super().write(mixer) | {"multi_query": mixer.num_kv_heads == 1}

    def _kv_heads(self, fields: Fields, num_heads: int) -> int:
        return 1 if fields.flag("multi_query") else num_heads


@dataclass(frozen=True, kw_only=True)
class FalconHeads(Gqa):
    """Heads of Falcon: grouped in the new architecture, else one key-value head with ``multi_query``, or all."""

    def write(self, mixer: Attention) -> dict[str, Any]:
        """The fields of an attention; any number of key-value heads is the new architecture's."""
        heads = {"num_kv_heads": mixer.num_kv_heads, "multi_query": False, "new_decoder_architecture": True}
        return super().write(mixer) | heads

    def _kv_heads(self, fields: Fields, num_heads: int) -> int:
        if fields.flag("new_decoder_architecture"):
            return fields.count("num_kv_heads", null=num_heads)
        return 1 if fields.flag("multi_query") else num_heads


class FalconNorms(NormRule):
    """Norms of Falcon: one or two before its parallel parts, two where they follow each other."""

    def read(self, fields: Fields) -> int:
        """The number of norms, two in the new architecture where nothing is said."""
        if not fields.flag("parallel_attn"):
            return 2
        if not fields.has("num_ln_in_parallel_attn"):
            return 2 if fields.flag("new_decoder_architecture") else 1
        return 2 if fields.count("num_ln_in_parallel_attn", zero=True) == 2 else 1

    def write(self, number: int) -> dict[str, Any]:
        """The fields of parallel parts with that number."""
        return {"parallel_attn": True, "num_ln_in_parallel_attn": number}


def alternating(fields: Fields, num_layers: int) -> list[str]:
    """Layers by ``attention_types``: kinds that repeat so many times, ``local`` ones with a window (GPT-Neo).

    Raises:
        ConfigError: It is no list of such pairs, or names another number of layers.
    """
    pairs = fields.items("attention_types", list)
    kinds: list[Any] = []
    for pair in pairs:
        if len(pair) != 2 or not isinstance(pair[0], list) or type(pair[1]) is not int:
            raise ConfigError(f"attention_types: must be pairs of kinds and how often they repeat, got {pair!r}")
        kinds += pair[0] * min(pair[1], num_layers + 1)
    named = {"global": FULL, "local": SLIDING}
    if len(kinds) != num_layers or not all(isinstance(kind, str) and kind in named for kind in kinds):
        raise ConfigError(f"attention_types: must name {num_layers} layers, each global or local")
    return [named[kind] for kind in kinds]
