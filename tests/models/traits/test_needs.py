"""A named model is built as what it computes, or refused; its shape alone on request."""

from dataclasses import replace

import pytest
import torch

from optimoe.arch.catalog import find_model, model_names
from optimoe.arch.hf import from_config
from optimoe.arch.hf.traits.readers import UNSTATED
from optimoe.arch.parts import MoE
from optimoe.core.errors import ConfigError
from optimoe.models.attention.rope import Rotary, YarnScaling
from optimoe.models.config import LayerRouter, ModelConfig, Multipliers
from optimoe.models.convert.hf_config import read_fields
from optimoe.models.convert.upcycle import upcycle
from optimoe.models.decoder import build
from optimoe.models.routers import ExpertChoice, TopK
from optimoe.models.traits.needs import NOT_BUILT, PROVIDED, require_function
from tests.arch.small_configs import SMALL, UNKNOWN_TO_TRANSFORMERS, small_config
from tests.models.build import make_arch, make_dense
from tests.models.convert.families import THEIRS, family_of

PLAIN = {
    *("llama-2-7b", "llama-2-70b", "llama-3-8b", "llama-3-70b", "mistral-7b", "mixtral-8x7b", "mixtral-8x22b"),
    *("qwen2-7b", "qwen2-72b", "qwen3-8b", "qwen3-32b", "qwen3-30b-a3b", "qwen3-235b-a22b", "qwen3-235b-a22b-fp8"),
}
"""Models of the catalog whose function is that of the default configuration, plain numbers apart."""


def refusal(arch, config=None):
    """Why it is refused, in one line; empty where it is built."""
    try:
        with torch.device("meta"):
            build(arch, config)
    except ConfigError as error:
        assert "\n" not in str(error)
        return str(error)
    return ""


def one_layer(arch):
    return replace(arch, layers=(replace(arch.layers[-1], num_layers=1),), num_mtp_layers=0)


def test_a_model_of_the_catalog_is_built_as_its_function_or_refused_with_what_is_missing():
    reasons = {name: refusal(one_layer(find_model(name))) for name in model_names()}
    assert {name for name, reason in reasons.items() if not reason} == PLAIN
    for name, reason in reasons.items():
        assert not reason or (f"what {name} computes" in reason and "shape_only=True" in reason), reason
    words = {
        "gpt-oss-20b": ("activation='clamped_swiglu'", "rotary=Rotary(scaling=YarnScaling(factor=32, …))"),
        "deepseek-v3": ("router=TopK(score='sigmoid')", "router=TopK(num_groups=8, top_groups=4)"),
        "llama-4-scout": ("gates that multiply the experts' input", "layers without positions"),
        "gemma-2-9b": (
            "attention_cap, not built here",
            "logits_cap",
            "multipliers=Multipliers(embedding=59.8665)",
        ),
        "dbrx": ("qkv_clipped, not built here",),
        "kimi-k2": ("rope_scaling, which is not stated here",),
        "snowflake-arctic": ("nobody states here",),
    }
    for name, needed in words.items():
        assert all(word in reasons[name] for word in needed), reasons[name]


@pytest.mark.parametrize("model_type", [*SMALL, *UNKNOWN_TO_TRANSFORMERS])
def test_every_word_of_a_family_is_known_to_be_built_or_not(model_type):
    for trait in from_config(small_config(model_type), "x").traits:
        word, _, value = trait.partition("=")
        assert value == UNSTATED or (word in PROVIDED) != (word in NOT_BUILT), trait


@pytest.mark.parametrize("name", THEIRS)
def test_a_converted_family_is_built_with_what_its_fields_say_and_not_without(name):
    from transformers import AutoConfig

    config = AutoConfig.for_model(family_of(name), **THEIRS[name]).to_dict()
    arch = replace(from_config(config, name), num_mtp_layers=0)
    assert not refusal(arch, read_fields(config, family_of(name)))
    assert bool(arch.traits) == bool(refusal(arch))


YARN = Rotary(scaling=YarnScaling(factor=4.0, original_positions=64))


@pytest.mark.parametrize(
    ("trait", "config"),
    [
        ("activation=gelu_tanh", ModelConfig(activation="gelu_pytorch_tanh")),
        ("rope_scaling=yarn-4", ModelConfig(rotary=YARN)),
        ("partial_rotary=0.5", ModelConfig(rotary=Rotary(share=0.5))),
        ("embedding_factor=3", ModelConfig(multipliers=Multipliers(embedding=3.0))),
        ("residual_factor=0.4", ModelConfig(multipliers=Multipliers(residual=0.4))),
        ("attention_factor=0.3", ModelConfig(multipliers=Multipliers(attention=0.3))),
        ("logits_divisor=0.5", ModelConfig(multipliers=Multipliers(logits=0.5))),
        ("score=sigmoid", ModelConfig(router=TopK(score="sigmoid"))),
        ("balanced_by_bias", ModelConfig(router=TopK(balanced_by_bias=True))),
        ("gates_sum_to_one=false", ModelConfig(router=TopK(normalised=False))),
        ("gates_scaled=2.5", ModelConfig(router=TopK(scale=2.5))),
        ("groups=2/1", ModelConfig(router=TopK(num_groups=2, top_groups=1))),
        ("group_score=best", ModelConfig(router=TopK(group_score="best"))),
    ],
)
def test_a_trait_is_provided_by_the_fields_that_give_it_and_by_no_other(trait, config):
    arch = make_arch(traits=(trait,))
    require_function(arch, config)
    assert trait in refusal(arch)
    assert trait.partition("=")[0] in PROVIDED


def test_another_value_than_the_named_one_is_refused():
    assert "factor=8" in refusal(make_arch(traits=("rope_scaling=yarn-8",)), ModelConfig(rotary=YARN))
    assert "not built here" in refusal(make_arch(traits=("rope_scaling=longrope",)), ModelConfig(rotary=YARN))
    assert "not built here" in refusal(make_dense(traits=("activation=quick_gelu",)))
    assert "sigmoid" in refusal(make_arch(traits=("score=sigmoid",)), ModelConfig(router=ExpertChoice()))


def test_a_trait_of_routing_is_provided_in_every_layer_or_refused():
    arch, sigmoid = make_arch(traits=("score=sigmoid",)), TopK(score="sigmoid")
    one = LayerRouter(layers=(1,), router=sigmoid)
    assert "score=sigmoid" in refusal(arch, ModelConfig(layer_routers=(one,)))
    require_function(arch, ModelConfig(layer_routers=(LayerRouter(layers=(0, 1), router=sigmoid),)))


def test_an_upcycled_model_keeps_the_traits_of_the_dense_one():
    config = ModelConfig(activation="relu")
    dense = build(make_dense(traits=("activation=relu",)), config)
    routed = make_arch(MoE(num_experts=2, top_k=2, d_expert=16))
    assert upcycle(dense, routed, config).arch.traits == ("activation=relu",)


def test_a_shape_alone_is_built_on_request_and_is_nobodys_model_any_more():
    arch = make_arch(traits=("attention_cap", "score=sigmoid"))
    with torch.device("meta"):
        model = build(arch, shape_only=True)
    assert model.arch == arch
    assert model.arch.traits == ()
