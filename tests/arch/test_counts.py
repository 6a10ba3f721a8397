"""Parts, conventions, bytes and traffic: invariants and hand-worked cases."""

from dataclasses import fields, is_dataclass, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.arch.small_configs import SMALL, UNKNOWN_TO_TRANSFORMERS, small_config

from optimoe.arch.catalog import find_model, model_names
from optimoe.arch.count import count, sparsity
from optimoe.arch.design import dense_twin, one_expert_twin
from optimoe.arch.flops import decode_flops
from optimoe.arch.hf import from_config
from optimoe.arch.memory import (
    bytes_per_value,
    kv_bytes,
    kv_bytes_per_token,
    kv_read_bytes,
    state_bytes,
    weight_bytes,
)
from optimoe.arch.params import count_mtp_params, count_params
from optimoe.arch.parts import PEER, UNLIMITED_WINDOW, Attention, DenseFFN, MoE
from optimoe.arch.spec import ArchSpec, LayerGroup
from optimoe.arch.traffic import (
    expected_distinct_experts,
    expected_expert_ranks,
    expert_parallel_bytes_per_token,
    expert_parallel_collectives,
    pipeline_bytes_per_token,
    tensor_parallel_collectives,
)
from optimoe.core.errors import ConfigError, UnknownNameError


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


def test_the_dense_twin_is_as_large_as_what_a_token_uses_but_for_the_router():
    spec = from_config(small_config("deepseek_v3"), "x")
    active, twin = count_params(spec), count_params(dense_twin(spec))
    assert twin.total == twin.active == active.active - active.router


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


@pytest.mark.parametrize(
    ("model_type", "values"),
    [
        ("mixtral", 4 * 2 * 2 * 16),
        ("deepseek_v3", 4 * (24 + 8)),
        ("deepseek_v32", 4 * (24 + 8 + 16)),
        ("jamba", 1 * 2 * 2 * 16),
        ("minimax", 2 * 2 * 2 * 16),
    ],
)
def test_a_token_s_cache_by_kind_of_attention(model_type, values):
    assert kv_bytes_per_token(from_config(small_config(model_type), "x")) == 2 * values


def test_windows_stop_growing_and_states_never_grow():
    spec = from_config(small_config("gemma2"), "x")
    per_token = 2 * 2 * 2 * 24
    assert kv_bytes(spec, 10) == 4 * 10 * per_token
    assert kv_bytes(spec, 100) == 2 * (100 + 16) * per_token
    jamba = from_config(small_config("jamba"), "x")
    assert state_bytes(jamba) == 4 * 3 * 128 * (8 + 3)
    assert kv_bytes(jamba, 100) - kv_bytes(jamba, 50) == 50 * kv_bytes_per_token(jamba)


def test_precisions_carry_their_scales():
    params = count_params(find_model("llama-3.1-8b"))
    assert weight_bytes(params) == 2 * params.total
    assert weight_bytes(params, "fp8") == pytest.approx(params.total * (1 + 4 / 128**2))
    assert bytes_per_value("mxfp4") == 0.5 + 1 / 32
    assert bytes_per_value("int4") == 0.5 + 2 / 128
    with pytest.raises(UnknownNameError, match="fp8"):
        bytes_per_value("fp9")


@given(experts=st.integers(2, 512), tokens=st.integers(1, 5000), data=st.data())
def test_distinct_experts_lie_between_k_and_all(experts, tokens, data):
    k = data.draw(st.integers(1, experts))
    distinct = expected_distinct_experts(experts, k, tokens)
    assert k * (1 - 1e-12) <= distinct <= min(experts, k * tokens) * (1 + 1e-12)
    assert expected_distinct_experts(experts, k, 1) == pytest.approx(k)


def test_distinct_experts_agree_with_drawing_them():
    generator = np.random.default_rng(0)
    drawn = [len(np.unique([generator.choice(16, 2, replace=False) for _ in range(9)])) for _ in range(4000)]
    assert np.mean(drawn) == pytest.approx(expected_distinct_experts(16, 2, 9), abs=0.1)


def test_bytes_sent_by_each_parallelism():
    spec = find_model("mixtral-8x7b")
    assert tensor_parallel_collectives(spec) == 64
    assert expert_parallel_collectives(spec) == 64
    assert pipeline_bytes_per_token(spec, 4) == 3 * 2 * 4096
    assert expert_parallel_bytes_per_token(spec, 1) == 0
    ranks = expected_expert_ranks(2, 8)
    assert ranks == pytest.approx(2 - 1 / 8)
    assert expert_parallel_bytes_per_token(spec, 8) == pytest.approx(32 * ranks * 7 / 8 * 4096 * 4)


def doubled(part):
    """Every count of a description as the pair of itself and twice itself."""
    changes = {}
    for field in fields(part):
        value = getattr(part, field.name)
        if isinstance(value, tuple):
            changes[field.name] = tuple(doubled(item) for item in value)
        elif is_dataclass(value):
            changes[field.name] = doubled(value)
        elif type(value) is int and value != UNLIMITED_WINDOW:
            changes[field.name] = np.array([value, 2 * value])
    return replace(part, **changes)


def numbers(result):
    """Every number in a result, in order."""
    if is_dataclass(result):
        return [number for field in fields(result) for number in numbers(getattr(result, field.name))]
    if isinstance(result, dict):
        return [number for value in result.values() for number in numbers(value)]
    return [] if isinstance(result, str) else [result]


def everything(spec):
    """Each count of this package, on a short context and one that exceeds the windows."""
    return [
        *numbers(count(spec, 100)),
        *numbers(decode_flops(spec, 30)),
        kv_bytes(spec, 100),
        kv_read_bytes(spec, 100),
        expert_parallel_bytes_per_token(spec, 4),
        expert_parallel_collectives(spec),
        pipeline_bytes_per_token(spec, 4),
    ]


@pytest.mark.parametrize("model_type", [*SMALL, *UNKNOWN_TO_TRANSFORMERS])
def test_a_grid_in_every_count_is_its_designs(model_type):
    grid = doubled(from_config(small_config(model_type), "x"))
    many = [np.broadcast_to(number, 2) for number in everything(grid)]
    for index in (0, 1):
        one = everything(grid.at(index))
        assert [pair[index] for pair in many] == pytest.approx(one, rel=1e-14)
    assert grid.over(2).d_model.shape == (2, 1, 1)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Attention(num_heads=0, num_kv_heads=1, head_dim=1), "num_heads"),
        (lambda: Attention(num_heads=6, num_kv_heads=4, head_dim=1), "num_kv_heads"),
        (lambda: DenseFFN(d_ff=-1), "d_ff"),
        (lambda: MoE(num_experts=2, top_k=3, d_expert=1), "top_k"),
        (lambda: MoE(num_experts=2, top_k=1, d_expert=1, num_shared_experts=1), "d_shared"),
        (lambda: PEER(num_keys=4, num_heads=1, top_k=5, d_key=2), "top_k"),
        (lambda: PEER(num_keys=4, num_heads=1, top_k=1, d_key=3), "d_key"),
        (lambda: ArchSpec(name="x", vocab_size=1, d_model=1, layers=()), "layers"),
    ],
)
def test_a_part_out_of_limits_names_its_field(make, words):
    with pytest.raises(ConfigError, match=words):
        make()


def test_arch_loads_no_numpy():
    import subprocess
    import sys

    code = (
        "import sys\nfrom optimoe import count\nfrom optimoe.arch.catalog import find_model\n"
        "count(find_model('mixtral-8x7b'))\nassert 'numpy' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_catalog_names_its_sources():
    assert len(model_names()) >= 7
