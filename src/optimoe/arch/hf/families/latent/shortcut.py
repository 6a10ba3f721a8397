"""Decoders of latent attention whose layers are not one mixer and one feed-forward by kind."""

from dataclasses import replace
from typing import Any

from optimoe.arch.hf.families.shared import BIAS, UNTIED
from optimoe.arch.hf.family import ConfigFamily, Stack
from optimoe.arch.hf.ffns import Dense, Routed
from optimoe.arch.hf.fields import Fields
from optimoe.arch.hf.mixers import Mla
from optimoe.arch.parts import UNLIMITED_WINDOW, DenseFFN, LatentAttention, MoE
from optimoe.arch.spec import LayerGroup
from optimoe.core.errors import ConfigError, require


class ShortcutStack(Stack):
    """Blocks of LongCat-Flash: two layers of attention and a dense feed-forward, experts beside the first of them.

    The experts read what the first feed-forward reads, and their output is added behind the second: what stands
    between hides the exchange, which no count depends on.
    """

    parts = (LatentAttention, DenseFFN, MoE)
    attention = Mla()
    dense = Dense(width="ffn_hidden_size")
    routed = Routed(
        experts=("n_routed_experts",),
        top_k=("moe_topk",),
        width=("expert_ffn_hidden_size",),
        zero_experts="zero_expert_num",
        router_bias="router_bias",
    )

    def read(self, fields: Fields, d_model: int) -> list[LayerGroup]:
        """Read every layer from its fields, two a block."""
        blocks = self._blocks(fields)
        mixer = self.attention.read(fields, d_model, UNLIMITED_WINDOW, chunked=False)
        width = mixer.qk_nope_dim + mixer.qk_rope_dim
        if fields.has("qk_head_dim"):
            require(
                fields.count("qk_head_dim") == width,
                "qk_head_dim",
                f"{width}, as its parts",
                fields.value("qk_head_dim"),
            )
        dense = self.dense.read(fields, d_model)
        second = LayerGroup(num_layers=1, mixer=mixer, ffn=dense)
        first = replace(second, ffn=self.routed.read(fields), residual=dense)
        return [first, second] * blocks

    def write(self, layers: list[LayerGroup]) -> dict[str, Any]:
        """Write layers into the fields that they were read from."""
        mixer, moe, dense = layers[0].mixer, layers[0].ffn, layers[0].residual
        if not (isinstance(mixer, LatentAttention) and isinstance(moe, MoE) and dense):
            raise ConfigError("layer 0: must be latent attention, with experts beside a dense feed-forward")
        config = self.attention.write(mixer) | self.dense.write(dense) | self.routed.write(moe)
        return config | {"num_layers": len(layers) // 2}

    def _blocks(self, fields: Fields) -> int:
        """Blocks, by their own field, or half as many as the layers that ``num_hidden_layers`` counts."""
        if fields.has("num_layers") and not fields.has("num_hidden_layers"):
            return fields.depth("num_layers")
        num_layers = fields.depth("num_hidden_layers")
        blocks = fields.count("num_layers") if fields.has("num_layers") else num_layers // 2
        require(num_layers == 2 * blocks, "num_hidden_layers", f"twice num_layers = {blocks}", num_layers)
        return blocks


SHORTCUT: dict[str, ConfigFamily] = {
    "longcat_flash": ConfigFamily(
        architecture="LongcatFlashForCausalLM",
        stack=ShortcutStack(),
        aliases={
            "num_local_experts": "n_routed_experts",
            "num_experts_per_tok": "moe_topk",
            "intermediate_size": "ffn_hidden_size",
            "moe_intermediate_size": "expert_ffn_hidden_size",
        },
        defaults=UNTIED | BIAS | {"router_bias": False},
    ),
}
"""By ``model_type``."""
