"""Field tables of one family or two: heads and norms that flags decide."""

from dataclasses import dataclass
from typing import Any

from optimoe.arch.hf.fields import Fields
from optimoe.arch.hf.layers import NormRule
from optimoe.arch.hf.mixers import Gqa
from optimoe.arch.parts import Attention


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
