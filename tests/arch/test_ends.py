"""What stands at the two ends of a model beside embedding and unembedding."""

import pytest

from optimoe.arch.ends.parts import EndMatrix, EndTable
from optimoe.arch.flops import decode_flops
from optimoe.arch.hf import from_config, to_config
from optimoe.arch.memory import weight_bytes
from optimoe.arch.params import count_params
from optimoe.core.errors import ConfigError, UnknownNameError
from tests.arch.small_configs import small_config


def test_an_embedding_of_its_own_width_has_two_matrices_and_narrower_logits():
    """OPT of d = 64 and rows of 24: V·24, 2·24·64, and FLOPs of both."""
    narrow = from_config(small_config("opt"), "x")
    wide = from_config(small_config("opt") | {"word_embed_proj_dim": 64}, "x")
    one, other = count_params(narrow), count_params(wide)
    assert other.embedding - one.embedding == 512 * (64 - 24)
    assert (one.unembedding, other.unembedding) == (2 * 24 * 64, 0)
    flops, plain = decode_flops(narrow, 4), decode_flops(wide, 4)
    assert flops.total - plain.total == 2 * (2 * 24 * 64 - 512 * (64 - 24))


def test_tables_cost_memory_and_no_flops():
    moshi = from_config(small_config("moshi"), "x")
    assert moshi.tables == (EndTable(rows=1, width=64),)
    assert count_params(moshi).embedding == 513 * 64
    assert decode_flops(moshi, 4).unembedding == 2 * 512 * 64


def test_matrices_at_the_ends_are_in_bytes_and_flops_of_the_unembedding():
    arch = from_config(small_config("modernbert-decoder"), "x")
    assert arch.projections == (EndMatrix(inputs=64, outputs=64, bias=True),)
    assert weight_bytes(arch).unembedding == 2 * (64 * 64 + 64)
    assert decode_flops(arch, 4).unembedding == 2 * (64 * 64 + 64 * 512)


def test_the_first_layer_of_modernbert_has_one_norm_and_windows_are_half_of_their_field():
    arch = from_config(small_config("modernbert-decoder"), "x")
    assert [layer.num_norms for layer in arch.unrolled] == [1, 2, 2, 2]
    assert [layer.mixer.window_tokens for layer in arch.unrolled[1::2]] == [16, 16]


@pytest.mark.parametrize(
    ("model_type", "changes", "words"),
    [
        ("modernbert-decoder", {"classifier_activation": "prelu"}, "classifier_activation: must be one without"),
        ("gemma4_assistant", {"text_config": 3}, "text_config: must be a table, got 3"),
        (
            "gemma4_assistant",
            {"text_config": {"model_type": "llama"}},
            "text_config.model_type: must be gemma4_te",
        ),
    ],
)
def test_ends_that_are_not_described_are_refused(model_type, changes, words):
    with pytest.raises(ConfigError, match=words):
        from_config(small_config(model_type) | changes, "x")


def test_a_draft_shares_the_cache_in_all_its_layers_or_is_refused():
    config = small_config("gemma4_assistant")
    assert all(layer.mixer.shared_kv for layer in from_config(config, "x").layers)
    part = config["text_config"] | {"num_kv_shared_layers": 2}
    with pytest.raises(ConfigError, match="num_kv_shared_layers: must be 0 or all 4 layers, got 2"):
        from_config(config | {"text_config": part}, "x")


@pytest.mark.parametrize("model_type", ["opt", "cpmant", "moshi"])
def test_ends_are_written_as_plain_values_and_read_back(model_type):
    arch = from_config(small_config(model_type), "x")
    assert from_config(to_config(arch, "optimoe"), "x") == arch
    with pytest.raises(ConfigError, match="tables: must be a list of tables, got 3"):
        from_config(to_config(arch, "optimoe") | {"tables": 3}, "x")


@pytest.mark.parametrize("end", [{"rows": 0, "width": 4}, {"rows": 4, "width": -1}])
def test_a_table_has_rows(end):
    with pytest.raises(ConfigError, match="must be positive"):
        EndTable(**end)


MOLMO = {
    "model_type": "molmo2_text",
    "vocab_size": 512,
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 24,
    "attention_bias": True,
}


@pytest.mark.parametrize(("norms", "rows"), [("qwen3", 128), ("olmo", 5), ("olmo", 0)])
def test_a_language_model_of_molmo_has_the_norms_and_rows_that_its_fields_say(norms, rows):
    config = {
        "model_type": "molmo2",
        "text_config": MOLMO | {"qk_norm_type": norms, "additional_vocab_size": rows},
    }
    arch = from_config(config, "x")
    assert from_config(to_config(arch, "molmo2_text"), "x") == arch
    normed = {"qwen3": 2 * 24, "olmo": (4 + 2) * 24}[norms]
    attention = 64 * 24 * (2 * 4 + 2 * 2) + 24 * (4 + 2 * 2) + normed
    layers = 2 * (attention + 3 * 64 * 96 + 2 * 64)
    assert count_params(arch).total == (512 + rows) * 64 + 512 * 64 + layers + 64
    with pytest.raises(UnknownNameError, match="qk_norm_type"):
        from_config(config | {"text_config": MOLMO | {"qk_norm_type": "other"}}, "x")
