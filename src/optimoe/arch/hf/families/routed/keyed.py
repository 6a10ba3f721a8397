"""Decoders with experts of one neuron each, which product keys retrieve (Doge)."""

import math
from dataclasses import replace
from typing import Any

from optimoe.arch.hf.families.shared import BIAS, BIASED_MHA, UNTIED
from optimoe.arch.hf.family import ConfigFamily, Stack
from optimoe.arch.hf.ffns import Dense
from optimoe.arch.hf.fields import Fields
from optimoe.arch.hf.layers import all_sliding, window
from optimoe.arch.parts import PEER, UNLIMITED_WINDOW, Attention, DenseFFN
from optimoe.arch.spec import LayerGroup
from optimoe.core.errors import ConfigError

SCALES = 2
"""Vectors by which a layer scales its residual."""


class KeyedStack(Stack):
    """Layers of Doge: a mask of the values, scaled residuals, experts of one neuron beside a dense part."""

    parts = (Attention, DenseFFN, PEER)
    attention = replace(BIASED_MHA, qk_norm="head", floored=True)
    dense = Dense(bias="mlp_bias")

    def read(self, fields: Fields, d_model: int) -> list[LayerGroup]:
        """Read every layer, which are all alike."""
        num_layers = fields.depth()
        reach = window(fields, all_sliding(fields, 1)[0])
        kept = fields.count("keep_window_size")
        mixer = self.attention.read(fields, d_model, reach, chunked=False)
        dense, routes = self.dense.read(fields, d_model), fields.flag("is_moe")
        layer = LayerGroup(
            num_layers=1,
            mixer=replace(mixer, dynamic_mask=True, selected_tokens=kept),
            ffn=self._experts(fields) if routes else dense,
            residual=dense if routes else None,
            num_scales=SCALES,
        )
        return [layer] * num_layers

    def write(self, layers: list[LayerGroup]) -> dict[str, Any]:
        """Write layers into the fields that they were read from."""
        mixer, ffn = layers[0].mixer, layers[0].ffn
        dense = ffn if isinstance(ffn, DenseFFN) else layers[0].residual
        if not isinstance(mixer, Attention) or dense is None:
            raise ConfigError("layer 0: must be softmax attention and a dense feed-forward")
        reach = None if mixer.window_tokens == UNLIMITED_WINDOW else mixer.window_tokens
        config = self.attention.write(mixer) | self.dense.write(dense) | {"is_moe": isinstance(ffn, PEER)}
        config |= {"sliding_window": reach, "keep_window_size": mixer.selected_tokens}
        if isinstance(ffn, PEER):
            config |= {"num_experts": ffn.num_keys**2 + ffn.num_unreached, "num_experts_per_tok": ffn.top_k}
        return config

    def _experts(self, fields: Fields) -> PEER:
        """As many sub-keys a half as the root of the number of experts has whole."""
        experts = fields.count("num_experts")
        keys = math.isqrt(experts)
        return PEER(
            num_keys=keys,
            num_heads=1,
            top_k=fields.count("num_experts_per_tok"),
            d_key=0,
            num_unreached=experts - keys**2,
        )


KEYED: dict[str, ConfigFamily] = {
    "doge": ConfigFamily(
        architecture="DogeForCausalLM",
        stack=KeyedStack(),
        defaults=UNTIED
        | BIAS
        | {"num_key_value_heads": None, "mlp_bias": False, "sliding_window": None, "keep_window_size": 2048}
        | {"is_moe": False},
    ),
}
"""By ``model_type``."""
