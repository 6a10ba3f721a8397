"""One word becomes the formats of a deployment's parts."""

from dataclasses import replace

import pytest

from optimoe.arch.catalog import find_model
from optimoe.arch.design import one_expert_twin
from optimoe.arch.precision.parts import CheckpointPrecisions, LayerPrecisions
from optimoe.arch.quantize import with_precision
from optimoe.arch.spec import grouped
from optimoe.core.errors import UnknownNameError


@pytest.fixture
def model():
    return find_model("mixtral-8x7b")


@pytest.mark.parametrize("word", ["fp8", "int8", "int4", "nvfp4"])
def test_a_word_quantises_every_linear_layer_but_router_and_ends(model, word):
    quantised = with_precision(model, word)
    layer = quantised.layers[0].precisions
    assert {layer.attention, layer.routed_experts, layer.shared_experts, layer.dense_ffn} == {word}
    assert layer.router == quantised.precisions.embedding == quantised.precisions.unembedding == "bf16"
    assert layer.activations == ("bf16" if word == "int4" else word)


def test_mxfp4_leaves_attention_in_bf16(model):
    layer = with_precision(model, "mxfp4").layers[0].precisions
    assert (layer.attention, layer.routed_experts, layer.activations) == ("bf16", "mxfp4", "bf16")


def test_bf16_undoes_what_a_checkpoint_states(model):
    assert with_precision(with_precision(model, "fp8"), "bf16") == model


def test_a_part_stated_apart_forgets_the_checkpoint_s_exceptions(model):
    own = LayerPrecisions(
        attention="fp8", routed_experts="int4", plain=(("attention", 0.5),), bits=(("routed_experts", 4.5),)
    )
    ends = CheckpointPrecisions(kv_cache="fp8", source="quantization_config")
    checkpoint = replace(model, layers=(replace(model.layers[0], precisions=own),), precisions=ends)
    assert with_precision(checkpoint) == checkpoint
    restated = with_precision(checkpoint, experts="nvfp4", head="fp8")
    layer = restated.layers[0].precisions
    assert (layer.routed_experts, layer.shared_experts) == ("nvfp4", "nvfp4")
    assert (layer.plain, layer.bits) == ((("attention", 0.5),), ())
    assert (restated.precisions.unembedding, restated.precisions.kv_cache) == ("fp8", "fp8")
    assert restated.precisions.source == "quantization_config and stated"


def test_the_dense_twin_keeps_the_format_of_the_experts_whose_place_it_takes():
    twin = one_expert_twin(find_model("gpt-oss-20b")).layers[0].precisions
    assert (twin.attention, twin.dense_ffn, twin.routed_experts) == ("bf16", "mxfp4", "bf16")
    own = find_model("gpt-oss-20b").layers[0].precisions
    assert twin.bytes_per_value("dense_ffn") == own.bytes_per_value("routed_experts")


def test_an_unknown_word_is_refused(model):
    with pytest.raises(UnknownNameError, match="fp8"):
        with_precision(model, "fp9")
    with pytest.raises(UnknownNameError, match="fp8"):
        with_precision(model, experts="fp9")


def test_layers_of_different_formats_stay_apart_and_have_one_shape(model):
    first, second = (replace(model.layers[0], num_layers=1),) * 2
    second = replace(second, precisions=LayerPrecisions(routed_experts="nvfp4"))
    assert len(grouped([first, second, second])) == 2
    mixed = replace(model, layers=grouped([first, second, second]))
    assert mixed != mixed.in_bf16
    assert mixed.in_bf16 == replace(model, layers=(replace(first, num_layers=3),))
