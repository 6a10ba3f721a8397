"""Models of several modalities are read down to their language model, and the result says so."""

import pytest

from optimoe.arch.hf import from_config
from optimoe.core.errors import ConfigError, UnknownNameError
from tests.arch.small_configs import small_config

QWEN = small_config("qwen3") | {"model_type": "qwen3_vl_text", "tie_word_embeddings": False}


def test_a_wrapper_is_its_language_model_and_says_what_is_left_out():
    text = small_config("llama4_text")
    outer = {"model_type": "llama4", "text_config": text, "vision_config": {}, "audio_config": {}}
    spec = from_config(outer, "x")
    assert spec == from_config(text, "x")
    assert spec.note == "the language model of llama4 alone, without vision_config, audio_config"
    assert from_config(text, "x").note == ""


def test_the_language_model_of_an_omni_model_stands_two_tables_deep():
    text = small_config("qwen3_moe") | {"model_type": "qwen3_omni_moe_text"}
    thinker = {"model_type": "qwen3_omni_moe_thinker", "text_config": text, "audio_config": {}}
    outer = {"model_type": "qwen3_omni_moe", "thinker_config": thinker, "talker_config": {}}
    spec = from_config(outer, "x")
    assert spec == from_config(text, "x")
    assert spec.note == (
        "the language model of qwen3_omni_moe alone, without talker_config; "
        "the language model of qwen3_omni_moe_thinker alone, without audio_config"
    )
    thinker["text_config"] = small_config("llama")
    with pytest.raises(ConfigError, match=r"thinker_config.text_config.model_type: must be qwen3_omni_moe_text"):
        from_config(outer, "x")


@pytest.mark.parametrize(
    ("wrapper", "tied"),
    [
        ({"model_type": "qwen3_vl"}, False),
        ({"model_type": "qwen3_vl", "tie_word_embeddings": True}, True),
        ({"model_type": "qwen3_vl", "tie_word_embeddings": False}, False),
    ],
)
def test_the_wrapper_says_whether_the_head_is_tied(wrapper, tied):
    assert from_config(wrapper | {"text_config": QWEN}, "x").tied_embeddings is tied


@pytest.mark.parametrize(("outer", "own", "tied"), [(False, True, True), (True, False, True), (None, True, True)])
def test_of_older_wrappers_either_says_so(outer, own, tied):
    config = {"model_type": "llava", "text_config": small_config("llama") | {"tie_word_embeddings": own}}
    config |= {} if outer is None else {"tie_word_embeddings": outer}
    assert from_config(config, "x").tied_embeddings is tied


def test_two_classes_that_differ_in_tying_are_not_guessed_between():
    text = small_config("qwen2") | {"tie_word_embeddings": False}
    with pytest.raises(ConfigError, match="tie_word_embeddings: must be stated beside text_config"):
        from_config({"model_type": "internvl", "text_config": text}, "x")
    stated = {"model_type": "internvl", "text_config": text, "tie_word_embeddings": False}
    assert not from_config(stated, "x").tied_embeddings


def test_the_fields_may_stand_in_a_wrapper_that_takes_them_from_there():
    text = {name: value for name, value in small_config("qwen2").items() if name != "model_type"}
    flat = {"model_type": "qwen2_vl", "vision_config": {}} | text
    assert from_config(flat, "x") == from_config(small_config("qwen2"), "x")
    with pytest.raises(ConfigError, match="text_config: must be the table of qwen3_vl's language model"):
        from_config(flat | {"model_type": "qwen3_vl"}, "x")


def test_what_stands_in_a_wrapper_is_refused_with_the_table_that_it_stands_in():
    with pytest.raises(ConfigError, match=r"^text_config.hidden_size: missing"):
        from_config({"model_type": "llava", "text_config": {"model_type": "llama"}}, "x")
    with pytest.raises(UnknownNameError, match=r"^text_config.model_type: unknown name 'mllama_text_model'"):
        from_config({"model_type": "mllama", "text_config": {"model_type": "mllama_text_model"}}, "x")
    with pytest.raises(ConfigError, match=r"text_config.model_type: must be qwen3_vl_text in qwen3_vl, got llama"):
        from_config({"model_type": "qwen3_vl", "text_config": small_config("llama")}, "x")
