"""Exceptions that name modules of older decoders are those of their parts."""

import pytest

from optimoe.arch.hf import from_config
from tests.arch.small_configs import small_config

NAMES = {
    "gpt2": ("transformer.h.1.attn.c_attn", "transformer.h.1.mlp.c_fc"),
    "gpt_bigcode": ("transformer.h.1.attn.c_proj", "transformer.h.1.mlp.c_proj"),
    "gptj": ("transformer.h.1.attn.q_proj", "transformer.h.1.mlp.fc_in"),
    "codegen": ("transformer.h.1.attn.qkv_proj", "transformer.h.1.mlp.fc_out"),
    "gpt_neo": ("transformer.h.1.attn.attention.out_proj", "transformer.h.1.mlp.c_fc"),
    "gpt_neox": ("gpt_neox.layers.1.attention.query_key_value", "gpt_neox.layers.1.mlp.dense_h_to_4h"),
    "bloom": ("transformer.h.1.self_attention.dense", "transformer.h.1.mlp.dense_4h_to_h"),
    "falcon": ("transformer.h.1.self_attention.query_key_value", "transformer.h.1.mlp.dense_h_to_4h"),
    "opt": ("model.decoder.layers.1.self_attn.out_proj", "model.decoder.layers.1.fc1"),
    "phi": ("model.layers.1.self_attn.dense", "model.layers.1.mlp.fc2"),
    "mpt": ("transformer.blocks.1.attn.Wqkv", "transformer.blocks.1.ffn.up_proj"),
    "starcoder2": ("model.layers.1.self_attn.o_proj", "model.layers.1.mlp.c_fc"),
    "persimmon": ("model.layers.1.self_attn.query_key_value", "model.layers.1.mlp.dense_4h_to_h"),
    "xglm": ("model.layers.1.self_attn.out_proj", "model.layers.1.fc2"),
    "biogpt": ("biogpt.layers.1.self_attn.q_proj", "biogpt.layers.1.fc1"),
    "ctrl": ("transformer.h.1.multi_head_attention.Wv", "transformer.h.1.ffn.0"),
    "phi3": ("model.layers.1.self_attn.qkv_proj", "model.layers.1.mlp.down_proj"),
    "axk2": ("model.layers.1.self_attn.q_b_proj", "model.layers.1.input_layernorm.W_up"),
    "inkling2_text": ("model.llm.layers.1.attn.wq_du", ""),
}
"""Of attention and of the feed-forward, as ``transformers`` writes them; in layer 1."""


@pytest.mark.parametrize("model_type", NAMES)
def test_an_exception_of_one_matrix_is_a_part_of_its_layer_in_bf16(model_type):
    config = small_config(model_type)
    for part, name in zip(("attention", "dense_ffn"), NAMES[model_type], strict=True):
        formats = {"quant_method": "fp8", "weight_block_size": [8, 8], "modules_to_not_convert": [name]}
        layers = from_config(config | {"quantization_config": formats}, "x").unrolled
        shares = [layer.precisions.plain_share(part) for layer in layers]
        assert (shares[1] > shares[2]) == bool(name), name
