"""Parameters by part, conventions of laws, and sizes that makers state."""

from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimoe.arch.catalog import find_model
from optimoe.arch.count import sparsity
from optimoe.arch.design import one_expert_twin
from optimoe.arch.hf import from_config
from optimoe.arch.params import count_mtp_params, count_params
from optimoe.arch.parts import PEER, Attention, DenseFFN, MoE
from optimoe.arch.spec import ArchSpec, LayerGroup
from tests.arch.small_configs import small_config


@given(
    d=st.integers(1, 64),
    layers=st.integers(1, 100),
    experts=st.integers(1, 512),
    data=st.data(),
)
def test_parts_sum_to_the_whole_and_active_is_no_more(d, layers, experts, data):
    k = data.draw(st.integers(1, experts))
    shared = data.draw(st.integers(0, 3))
    spec = ArchSpec(
        name="any",
        vocab_size=1000,
        d_model=64 * d,
        layers=(
            LayerGroup(
                num_layers=layers,
                mixer=Attention(num_heads=4, num_kv_heads=2, head_dim=16 * d),
                ffn=MoE(
                    num_experts=experts,
                    top_k=k,
                    d_expert=32 * d,
                    num_shared_experts=shared,
                    d_shared=32 * d if shared else 0,
                ),
            ),
        ),
        tied_embeddings=data.draw(st.booleans()),
    )
    params = count_params(spec)
    parts = {field.name: getattr(params, field.name) for field in fields(params)}
    assert sum(parts.values()) - parts["routed_experts_active"] == params.total
    assert params.active <= params.total
    assert (params.active == params.total) == (k == experts)
    assert params.total - params.active == layers * (experts - k) * 3 * 64 * d * 32 * d
    fewer = replace(spec.layers[0].ffn, top_k=1)
    same = replace(spec, layers=(replace(spec.layers[0], ffn=fewer),))
    assert count_params(same).total == params.total
    assert sparsity(spec) == (experts - k) / experts


def test_conventions_of_the_laws():
    """Krajewski: 64 × 100M has d²·(8E + 4)·n stored parameters without router, plain experts of 4·d."""
    d, blocks, experts = 768, 12, 64
    spec = ArchSpec(
        name="64x",
        vocab_size=50_257,
        d_model=d,
        layers=(
            LayerGroup(
                num_layers=blocks,
                mixer=Attention(num_heads=12, num_kv_heads=12, head_dim=64),
                ffn=MoE(num_experts=experts, top_k=1, d_expert=4 * d, gated=False),
                num_norms=0,
            ),
        ),
    )
    params = count_params(spec)
    assert params.nonembedding_without_router == d**2 * (8 * experts + 4) * blocks + d
    assert params.active_nonembedding - params.router == 12 * d**2 * blocks + d
    twin = count_params(one_expert_twin(spec))
    assert twin.nonembedding == 12 * d**2 * blocks + d
    assert twin.router == twin.routed_experts == 0


def test_published_parts_of_mixtral():
    params = count_params(find_model("mixtral-8x7b"))
    assert params.total == 46_702_792_704
    assert params.active == 12_879_925_248
    assert params.router == 32 * 8 * 4096
    assert params.routed_experts == 32 * 8 * 3 * 4096 * 14336
    assert params.routed_experts_active == params.routed_experts // 4


@pytest.mark.parametrize(
    ("name", "total", "active"),
    [
        ("gpt-oss-120b", 116.83, None),  # arXiv 2508.10925, Table 1
        ("jamba-v0.1", 52, 12),  # transformers, docs of Jamba
        ("qwen3-next-80b-a3b", 80, None),  # its name
    ],
)
def test_sizes_that_makers_state(name, total, active):
    params = count_params(find_model(name))
    assert round(params.total / 1e9, 2 if total % 1 else 0) == total
    assert active is None or round(params.active / 1e9) == active


def test_stated_sizes_of_gemma_without_its_embedding():
    """Gemma (arXiv 2403.08295) and Gemma 2 (2408.00118): parameters but the embedding."""
    stated = {"gemma-7b": 7_751_248_896, "gemma-2-9b": 8_324_201_984, "gemma-2-27b": 26_047_480_320}
    assert {name: count_params(find_model(name)).nonembedding for name in stated} == stated


def test_the_314_billion_of_grok_are_those_beside_its_embedding():
    assert int(count_params(find_model("grok-1")).nonembedding / 1e9) == 314


def test_the_residual_of_arctic_gives_the_parts_that_its_card_states():
    """\"10B dense ... with a residual 128x3.66B MoE MLP resulting in 480B total and 17B active\"."""
    config = {
        "hidden_size": 7168,
        "intermediate_size": 4864,
        "model_type": "arctic",
        "moe_layer_frequency": 1,
        "num_attention_heads": 56,
        "num_experts_per_tok": 2,
        "num_hidden_layers": 35,
        "num_key_value_heads": 8,
        "num_local_experts": 128,
        "parallel_attn_mlp_res": True,
        "vocab_size": 32_000,
    }
    params = count_params(from_config(config, "arctic"))
    assert round((params.total - params.routed_experts) / 1e9) == 10
    assert round(params.routed_experts / 128 / 1e9, 2) == 3.66
    assert round(params.total / 1e10) == 48
    assert round(params.active / 1e9) == 17


def test_multi_token_prediction_is_counted_apart():
    """DeepSeek-V3's module: a routed layer, 2d → d, and its norms, about 11.5B beside the shared embeddings."""
    config = small_config("deepseek_v3") | {"num_nextn_predict_layers": 1}
    spec, without = from_config(config, "x"), from_config(small_config("deepseek_v3"), "x")
    assert count_params(spec) == count_params(without)
    assert count_mtp_params(without) == 0
    layer = replace(spec, layers=(replace(spec.layers[-1], num_layers=1),))
    assert count_mtp_params(spec) == count_params(layer).nonembedding - 64 + 2 * 64**2 + 3 * 64


def test_a_million_tiny_experts_store_two_vectors_each():
    ffn = PEER(num_keys=1024, num_heads=8, top_k=16, d_key=128)
    mixer = Attention(num_heads=4, num_kv_heads=4, head_dim=64)
    spec = ArchSpec(
        name="peer", vocab_size=100, d_model=256, layers=(LayerGroup(num_layers=1, mixer=mixer, ffn=ffn),)
    )
    params = count_params(spec)
    assert params.routed_experts == 2 * 256 * 1024**2
    assert params.routed_experts_active == 2 * 256 * 8 * 16
    assert params.router == 256 * 8 * 128 + 8 * 2 * 1024 * 64 + 2 * 8 * 128


def test_groups_of_layers_are_summed_whether_their_widths_are_whole_or_real():
    whole = Attention(num_heads=np.array([4, 8]), num_kv_heads=np.array([4, 8]), head_dim=64)
    dense, moe = (
        DenseFFN(d_ff=np.array([512, 1024])),
        MoE(num_experts=4, top_k=1, d_expert=np.array([256.5, 512.0])),
    )
    layers = tuple(LayerGroup(num_layers=np.array([1, 2]), mixer=whole, ffn=ffn) for ffn in (dense, moe))
    grid = ArchSpec(name="mixed", vocab_size=100, d_model=np.array([256, 512]), layers=layers)
    turned = replace(grid, layers=layers[::-1])
    assert count_params(grid).routed_experts == pytest.approx([4 * 3 * 256 * 256.5, 2 * 4 * 3 * 512 * 512])
    assert count_params(grid).active == pytest.approx(count_params(turned).active)
