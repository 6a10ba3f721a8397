"""Attention over compressed entries, against DeepSeek-V4's own modules and sums by hand."""

import pytest

from optimoe.arch.hf import from_config
from optimoe.arch.memory import STATE_BYTES, kv_bytes, kv_bytes_per_token
from optimoe.arch.mixers.attended import UNLIMITED_WINDOW
from optimoe.arch.parts import CompressedAttention, Indexer
from optimoe.core.errors import ConfigError
from tests.arch.small_configs import small_config

SHAPE = {
    "num_heads": 4,
    "head_dim": 24,
    "q_lora_rank": 32,
    "output_groups": 2,
    "output_rank": 12,
    "window_tokens": 8,
}
INDEXER = Indexer(num_heads=4, head_dim=16, top_k=8)
NEAR = CompressedAttention(**SHAPE)
HEAVY = CompressedAttention(**SHAPE, ratio=6)
SPARSE = CompressedAttention(**SHAPE, ratio=2, overlap=True, indexer=INDEXER)
KINDS = {"sliding_attention": NEAR, "heavily_compressed_attention": HEAVY, "compressed_sparse_attention": SPARSE}


@pytest.fixture(scope="module")
def theirs():
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    config = small_config("deepseek_v4") | {"max_position_embeddings": 64, "o_groups": 2}
    torch.manual_seed(0)
    return transformers.AutoModelForCausalLM.from_config(
        transformers.AutoConfig.for_model(config.pop("model_type"), **config)
    )


@pytest.mark.parametrize("kind", KINDS)
def test_parameters_are_those_of_the_module(theirs, kind):
    layer = theirs.config.layer_types.index(kind)
    module = theirs.model.layers[layer].self_attn
    assert sum(values.numel() for values in module.parameters()) == KINDS[kind].params(64)
    matrices = sum(values.numel() for values in module.parameters() if values.ndim > 1)
    biases = sum(values.numel() for name, values in module.named_parameters() if "position_bias" in name)
    assert matrices - biases == KINDS[kind].matrix_params(64)


@pytest.mark.parametrize("tokens", [5, 12, 31])
def test_the_cache_holds_what_the_module_s_own_holds(theirs, tokens):
    """Their window keeps one token less, the next step's; what waits for its entry is at most our state."""
    import torch

    cache = theirs(torch.arange(tokens)[None], use_cache=True).past_key_values
    for kind, layer in zip(theirs.config.layer_types, cache.layers, strict=True):
        mixer = KINDS[kind]
        compressed = getattr(layer, "compressed_kv", {}).values()
        held = layer.keys.numel() + sum(0 if values is None else values.numel() for values in compressed)
        assert held == mixer.held_values(tokens) - 24 * (tokens >= 8)
        waits = [*getattr(layer, "buffer_kv", {}).values(), *getattr(layer, "buffer_gate", {}).values()]
        waits += [*getattr(layer, "overlap_kv", {}).values(), *getattr(layer, "overlap_gate", {}).values()]
        waiting = sum(0 if values is None else values.numel() for values in waits)
        places = 2 * mixer.series * (24 + (16 if mixer.indexer else 0))  # of one token
        assert mixer.state_values - places * max(mixer.ratio, 1) <= waiting <= mixer.state_values


def test_a_token_adds_its_share_of_an_entry_once_the_window_is_full():
    arch = from_config(small_config("deepseek_v4"), "small")
    assert kv_bytes_per_token(arch) == 2 * (24 / 6 + (24 + 16) / 2 + 24 / 6)
    grown = kv_bytes(arch, 600) - kv_bytes(arch, 594)
    assert grown == 6 * kv_bytes_per_token(arch)
    state = STATE_BYTES * sum(mixer.state_values for mixer in (HEAVY, SPARSE, HEAVY))
    assert kv_bytes(arch, 8) == state + 2 * (4 * 8 * 24 + 2 * 24 + 4 * (24 + 16))


@pytest.mark.parametrize("mixer", KINDS.values())
@pytest.mark.parametrize("length", [1, 5, 12, 50])
def test_prefill_is_the_mean_of_the_tokens_that_decode_sees(mixer, length):
    each = [mixer.seen(position, "decode") for position in range(1, length + 1)]
    assert mixer.seen(length, "prefill") == pytest.approx(sum(each) / length, rel=1e-12)
    most = max(mixer.entries(position, 8, "decode") for position in range(1, length + 1))
    assert most == min(length // mixer.ratio, 8) if mixer.ratio else most == 0


def test_flops_are_of_the_keys_seen_and_of_every_index_key():
    flops = SPARSE.flops(64, 40, "decode", "absorbed")
    assert flops["attention_scores"] == 2 * 4 * 24 * 2 * (8 + 8)  # a window and a selection of 8 each
    index = SPARSE.indexer_matrix_params(64) + 4 * (16 + 1) * 20
    assert flops["indexer"] == 2 * index
    assert SPARSE.read_values(40) == 24 * 16 + 16 * 20
    assert HEAVY.flops(64, 40, "decode", "absorbed")["attention_scores"] == 2 * 4 * 24 * 2 * (8 + 6)
    assert NEAR.flops(64, 40, "decode", "absorbed")["attention_scores"] == 2 * 4 * 24 * 2 * 8
    assert SPARSE.entries(40, UNLIMITED_WINDOW, "decode") == 20


def test_groups_that_do_not_divide_and_a_selection_of_nothing_are_refused():
    with pytest.raises(ConfigError, match="output_groups: must be a divisor of num_heads = 4, got 3"):
        CompressedAttention(**SHAPE | {"output_groups": 3})
    with pytest.raises(ConfigError, match="ratio: must be positive beside an indexer"):
        CompressedAttention(**SHAPE, indexer=INDEXER)
