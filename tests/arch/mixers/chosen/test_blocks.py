"""Block-sparse attention: its parameters and cache against the modules of transformers, its FLOPs by hand."""

import pytest

from optimoe.arch.flops import decode_flops
from optimoe.arch.hf import from_config
from optimoe.arch.memory import kv_bytes, kv_read_bytes
from optimoe.arch.parts import Attention, BlockIndexer, BlockSparseAttention
from optimoe.core.errors import ConfigError
from optimoe.cost.hardware.accelerator import find_accelerator
from optimoe.cost.layers.layout import Layout
from optimoe.cost.layers.machine import Machine
from optimoe.cost.serving.memory import request_bytes
from tests.arch.small_configs import small_config

INDEXER = BlockIndexer(num_heads=2, head_dim=16, block_tokens=8, top_blocks=3)
HEADS = Attention(num_heads=4, num_kv_heads=2, head_dim=24, qk_norm="head")
MIXER = BlockSparseAttention(attention=HEADS, indexer=INDEXER)


def test_a_block_sparse_layer_stores_and_caches_what_the_module_of_minimax_m3_does():
    torch = pytest.importorskip("torch", reason="needs torch, of the extra train")
    transformers = pytest.importorskip("transformers", reason="needs transformers, of the extra dev")
    config = small_config("minimax_m3_vl_text") | {"num_hidden_layers": 2}
    kinds = {"layer_types": ["full_attention", "minimax_m3_sparse"], "mlp_layer_types": ["dense", "dense"]}
    made = transformers.models.auto.configuration_auto.CONFIG_MAPPING[config.pop("model_type")](**config | kinds)
    model = transformers.AutoModelForCausalLM.from_config(made, attn_implementation="eager")
    assert sum(values.numel() for values in model.model.layers[1].self_attn.parameters()) == MIXER.params(64)
    tokens = 7
    with torch.no_grad():
        layer = model(torch.arange(tokens)[None], use_cache=True).past_key_values.layers[1]
    held = layer.keys.numel() + layer.values.numel() + layer.idx_keys.numel()
    assert held == MIXER.held_values(tokens) == MIXER.cache_values * tokens


def test_a_token_attends_to_selected_blocks_and_scores_every_key():
    near, far = (MIXER.flops(64, length, "decode", "absorbed") for length in (24, 1000))
    assert near["attention_scores"] == far["attention_scores"] == 2 * 4 * (24 + 24) * 24
    assert far["indexer"] - near["indexer"] == 2 * 2 * 16 * (1000 - 24)
    assert near["indexer"] == 2 * 64 * 16 * (2 + 1) + 2 * 2 * 16 * 24
    assert MIXER.read_values(1000) == 2 * 2 * 24 * 24 + 16 * 1000


def test_minimax_m3_reads_its_sparse_layers_from_either_of_its_forms():
    flat, table = (from_config(small_config(name), "x") for name in ("minimax_m3_vl_text", "minimax_m3"))
    assert [type(group.mixer).__name__ for group in flat.layers] == [
        "Attention",
        "BlockSparseAttention",
        "Attention",
    ]
    assert table.layers[-1].mixer == flat.layers[1].mixer
    assert decode_flops(flat, 1000).indexer == 2 * MIXER.flops(64, 1000, "decode", "absorbed")["indexer"]
    assert kv_bytes(flat, 10) == 2 * 10 * (4 * HEADS.cache_values + 2 * 16)
    assert kv_read_bytes(flat, 1000) < kv_bytes(flat, 1000)
    config = small_config("minimax_m3")
    table = config["sparse_attention_config"] | {"sparse_disable_index_value": [0, 0, 1, 1]}
    with pytest.raises(ConfigError, match="sparse_disable_index_value: must be 1"):
        from_config(config | {"sparse_attention_config": table}, "x")


def test_index_keys_are_whole_on_every_gpu():
    arch = from_config(small_config("minimax_m3_vl_text"), "x")
    one, two = (
        request_bytes(Machine(gpu=find_accelerator("h100-sxm"), layout=Layout(tp=tp)), arch, 1000) for tp in (1, 2)
    )
    index = 2 * 1000 * 2 * 16  # bytes of two layers
    assert two - index == pytest.approx((one - index) / 2)
