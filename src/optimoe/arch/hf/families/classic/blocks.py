"""Decoders whose layers a search has chosen one by one (Puzzle, arXiv 2411.19146)."""

from dataclasses import replace
from typing import Any

from optimoe.arch.hf.family import ConfigFamily, Stack
from optimoe.arch.hf.ffns import learned
from optimoe.arch.hf.fields import Fields
from optimoe.arch.parts import Attention, DenseFFN, FeedForward, Mixer, NoFeedForward, NoMixer
from optimoe.arch.spec import LayerGroup
from optimoe.core.errors import ConfigError, require

_WIDTH_STEP = 256
_WIDEST = 1000
_PLAIN = {
    "attention": ("replace_with_linear", "sparsify", "num_sink_tokens", "window_length"),
    "ffn": ("replace_with_linear", "sparsify"),
}
"""Choices of a block that would need parts of their own: each must be off."""


class BlockStack(Stack):
    """Layers by ``block_configs``: each has an attention of its own groups, a feed-forward of its width, or none.

    A width is ⌈⌊2·m·d/3⌋/256⌉·256 with the block's multiplier m. A part that is left out has no norm either.
    """

    parts = (Attention, NoMixer, DenseFFN, NoFeedForward)

    def read(self, fields: Fields, d_model: int) -> list[LayerGroup]:
        """Read every layer by its block."""
        blocks = fields.items("block_configs", dict, fields.depth("num_hidden_layers"))
        layers = []
        for number, block in enumerate(blocks):
            try:
                mixer, ffn = _mixer(fields, Fields(block, {}), d_model), _ffn(fields, Fields(block, {}), d_model)
            except ConfigError as error:
                raise ConfigError(f"block_configs {number}: {error}") from None
            norms = (not mixer.absent) + (not ffn.absent)
            layers.append(LayerGroup(num_layers=1, mixer=mixer, ffn=ffn, num_norms=norms))
        return layers

    def write(self, layers: list[LayerGroup]) -> dict[str, Any]:
        """Write every layer as a block; biases are those of the first that has the part."""
        attention = next((layer.mixer for layer in layers if isinstance(layer.mixer, Attention)), None)
        dense = next((layer.ffn for layer in layers if isinstance(layer.ffn, DenseFFN)), None)
        if attention is None:
            raise ConfigError("block_configs: a layer must have attention, which says how many heads there are")
        return {
            "num_attention_heads": attention.num_heads,
            "num_key_value_heads": None,
            "intermediate_size": None,
            "attention_bias": attention.qkv_bias,
            "mlp_bias": dense.bias if dense is not None else False,
            "block_configs": [_block(layer, attention.num_heads * attention.head_dim) for layer in layers],
        }


class LastBiasStack(Stack):
    """Equal layers, of which the last alone adds a bias to its attention's output (GPT-NeoX Japanese)."""

    parts = (Attention, DenseFFN)

    def read(self, fields: Fields, d_model: int) -> list[LayerGroup]:
        """Read every layer, the last with its bias."""
        heads, num_layers = fields.count("num_attention_heads"), fields.depth("num_hidden_layers")
        require(d_model % heads == 0, "num_attention_heads", f"a divisor of hidden_size = {d_model}", heads)
        params = learned(fields, "hidden_act")
        times = fields.count("intermediate_multiple_size")
        ffn = DenseFFN(d_ff=times * d_model, gated=False, activation_params=params)
        mixer = Attention(num_heads=heads, num_kv_heads=heads, head_dim=d_model // heads)
        mixers = [*[mixer] * (num_layers - 1), replace(mixer, output_bias=True)]
        return [LayerGroup(num_layers=1, mixer=mixer, ffn=ffn) for mixer in mixers]

    def write(self, layers: list[LayerGroup]) -> dict[str, Any]:
        """Write the sizes of the first layer."""
        mixer, ffn = layers[0].mixer, layers[0].ffn
        assert isinstance(mixer, Attention)  # as the family's parts are
        assert isinstance(ffn, DenseFFN)
        width = mixer.num_heads * mixer.head_dim
        return {"num_attention_heads": mixer.num_heads, "intermediate_multiple_size": ffn.d_ff // width}


def _mixer(fields: Fields, block: Fields, d_model: int) -> Mixer:
    if _left_out(block, "attention"):
        return NoMixer()
    heads, bias = fields.count("num_attention_heads"), fields.flag("attention_bias")
    group = block.count("attention.n_heads_in_group")
    require(heads % group == 0, "attention.n_heads_in_group", f"a divisor of num_attention_heads = {heads}", group)
    require(d_model % heads == 0, "num_attention_heads", f"a divisor of hidden_size = {d_model}", heads)
    return Attention(
        num_heads=heads,
        num_kv_heads=heads // group,
        head_dim=d_model // heads,
        qkv_bias=bias,
        output_bias=bias,
    )


def _ffn(fields: Fields, block: Fields, d_model: int) -> FeedForward:
    if _left_out(block, "ffn"):
        return NoFeedForward()
    times = block.value("ffn.ffn_mult")
    number = type(times) in (int, float) and 0 < times <= _WIDEST
    require(number, "ffn.ffn_mult", f"a number above 0 and at most {_WIDEST}", times)
    width = -(-max(1, int(2 * times * d_model / 3)) // _WIDTH_STEP) * _WIDTH_STEP
    return DenseFFN(d_ff=width, bias=fields.flag("mlp_bias"))


def _left_out(block: Fields, part: str) -> bool:
    """Whether a block has no such part."""
    for choice in _PLAIN[part]:
        stated = block.value(f"{part}.{choice}")
        require(stated in (None, False), f"{part}.{choice}", "false or null", stated)
    return block.flag(f"{part}.no_op")


def _block(layer: LayerGroup, d_model: int) -> dict[str, Any]:
    mixer, ffn = layer.mixer, layer.ffn
    group = mixer.num_heads // mixer.num_kv_heads if isinstance(mixer, Attention) else None
    times = ffn.d_ff * 3 / (2 * d_model) if isinstance(ffn, DenseFFN) else None
    return {
        "attention": {"no_op": mixer.absent, "n_heads_in_group": group},
        "ffn": {"no_op": ffn.absent, "ffn_mult": times},
    }


BLOCKS: dict[str, ConfigFamily] = {
    "nemotron-nas": ConfigFamily(
        architecture="DeciLMForCausalLM",
        stack=BlockStack(),
        defaults={"tie_word_embeddings": False, "attention_bias": False, "mlp_bias": False},
        fixed={"hidden_act": "silu"},
        only={"hidden_act": "silu"},
    ),
    "gpt_neox_japanese": ConfigFamily(
        architecture="GPTNeoXJapaneseForCausalLM",
        stack=LastBiasStack(),
        norm="layernorm",
        defaults={"tie_word_embeddings": True},
    ),
}
"""By ``model_type``."""
