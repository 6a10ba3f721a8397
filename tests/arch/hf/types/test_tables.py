"""Every row of the table of types against the installed classes of ``transformers``."""

import pytest

from optimoe.arch.hf.families import FAMILIES
from optimoe.arch.hf.types.wrappers import wrappers
from optimoe.core.config import load_facts

pytest.importorskip("transformers", reason="needs transformers, of the extra dev")

from transformers.models.auto import modeling_auto as auto
from transformers.models.auto.configuration_auto import CONFIG_MAPPING, CONFIG_MAPPING_NAMES

FACTS = load_facts("optimoe.arch", "types.toml")
DEPARTING = {"mistral3", "kimi_k25"}
"""Wrappers of which released files mean another default than the class of today has."""


def test_every_wrapper_holds_the_language_model_that_its_class_holds():
    for name, wrapper in wrappers().items():
        made = CONFIG_MAPPING[name]()
        spec = CONFIG_MAPPING[name].sub_configs_defaults[wrapper.part]
        assert getattr(made, wrapper.part).model_type == wrapper.text, name
        assert (spec.config_class.__name__ != "AutoConfig") == wrapper.fixed, name
        if wrapper.tie != "inner" and name not in DEPARTING:
            assert bool(getattr(made, "tie_word_embeddings", False)) == wrapper.tied, name


def test_no_type_is_two_things():
    undescribed = [*FACTS["undescribed"]]
    lists = (FACTS["encoders"], FACTS["encoder_decoders"], undescribed, list(wrappers()), [*FAMILIES])
    assert set(undescribed) <= set(CONFIG_MAPPING_NAMES)
    names = [name for found in lists for name in found]
    assert {name for name in names if names.count(name) > 1} <= {"step3p7"}  # also as its text alone


def test_every_model_with_an_encoder_of_text_is_in_the_lists():
    encoders, halves, known = set(FACTS["encoders"]), set(FACTS["encoder_decoders"]), set(wrappers())
    assert encoders | halves <= set(CONFIG_MAPPING_NAMES)
    assert set(auto.MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES) <= halves | known
    masked = set(auto.MODEL_FOR_MASKED_LM_MAPPING_NAMES) - encoders - halves - known
    assert masked == {"esm", "esmc", "neomme", "perceiver", "reformer"}  # of proteins, of bytes, or decoders too
