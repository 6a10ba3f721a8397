"""Decoders with tables or a matrix of their own at the ends: CPM-Ant, ModernBERT."""

from dataclasses import dataclass
from typing import Any

from optimoe.arch.hf.ends.tables import PredictionHead, Prompts
from optimoe.arch.hf.families.shared import BIAS, TIED
from optimoe.arch.hf.family import ConfigFamily
from optimoe.arch.hf.ffns import Dense
from optimoe.arch.hf.fields import Config, Fields
from optimoe.arch.hf.layers import FULL, SLIDING, listed, starting
from optimoe.arch.hf.mixers import Gqa
from optimoe.arch.parts import UNLIMITED_WINDOW, Attention


@dataclass(frozen=True, kw_only=True)
class HalvedWindow(Gqa):
    """Attention whose window is half of its field, which counts both sides of a token (ModernBERT)."""

    def write(self, mixer: Attention) -> dict[str, Any]:
        """The fields of an attention."""
        windowed = mixer.window_tokens != UNLIMITED_WINDOW
        return super().write(mixer) | ({"local_attention": 2 * mixer.window_tokens} if windowed else {})


def _half(config: Config) -> Config:
    """The window within which a token sees those before it."""
    both = config.get("local_attention")
    return {"sliding_window": both // 2} if type(both) is int else {}


def _first_of(fields: Fields, num_layers: int) -> list[str]:
    """The first of each ``global_attn_every_n_layers`` attends to everything."""
    number = fields.count("global_attn_every_n_layers")
    return starting(number, FULL, SLIDING)(fields, num_layers)


TABLES: dict[str, ConfigFamily] = {
    "cpmant": ConfigFamily(
        architecture="CpmAntForCausalLM",
        attention=Gqa(kv_heads=(), head_field="dim_head"),
        dense=Dense(width="dim_ff", activation=""),
        ends=Prompts(),
        never_tied=True,
        defaults=TIED,
        remark="a prompt of learned tokens stands before each sequence and in its cache, and is not counted there",
    ),
    "modernbert-decoder": ConfigFamily(
        architecture="ModernBertDecoderForCausalLM",
        attention=HalvedWindow(
            kv_heads=(), head_field="", qkv_bias="attention_bias", output_bias="attention_bias"
        ),
        kinds=listed(_first_of),
        dense=Dense(bias="mlp_bias", activation="hidden_activation"),
        norm_bias="norm_bias",
        num_end_norms=3,
        bare_first=True,
        ends=PredictionHead(bias="classifier_bias", activation="classifier_activation"),
        unembedding_bias="decoder_bias",
        derived=_half,
        defaults=TIED
        | BIAS
        | {"global_attn_every_n_layers": 3}
        | {"mlp_bias": False, "norm_bias": False, "classifier_bias": False, "decoder_bias": True},
        fixed={"rope_parameters": {kind: {"rope_type": "default", "rope_theta": 1e4} for kind in (FULL, SLIDING)}},
    ),
}
"""By ``model_type``."""
