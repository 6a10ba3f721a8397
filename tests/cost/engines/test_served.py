from dataclasses import replace

import numpy as np
import pytest

from optimoe.arch.catalog import find_model
from optimoe.arch.precision.parts import CheckpointPrecisions, LayerPrecisions
from optimoe.arch.quantize import with_precision
from optimoe.core.errors import UnknownNameError
from optimoe.cost.engines.engine import find_engine
from optimoe.cost.engines.served import as_served, bulk_format, cache_format, formats_of_a_design, in_formats
from optimoe.cost.hardware.accelerator import find_accelerator
from optimoe.cost.layers.execution import Execution
from optimoe.cost.layers.machine import Machine

H100 = find_accelerator("h100-sxm")
MIXTRAL, LLAMA = (find_model(name) for name in ("mixtral-8x7b", "llama-3.1-8b"))
OWN = with_precision(MIXTRAL, experts="int4")
"""A checkpoint whose experts alone are quantised."""
ASKING = replace(OWN, precisions=CheckpointPrecisions(kv_cache="fp8", source="quantization_config"))


def test_a_checkpoint_is_served_in_its_own_formats_unless_others_are_stated():
    assert in_formats(OWN, Execution()) is OWN
    assert in_formats(OWN, Execution(precision="fp8")) == with_precision(MIXTRAL, "fp8")
    mixed = in_formats(OWN, Execution(attention_precision="fp8", head_precision="fp8"))
    (group,) = mixed.layers
    assert (group.precisions.routed_experts, group.precisions.attention) == ("int4", "fp8")
    assert (mixed.precisions.embedding, mixed.precisions.unembedding) == ("bf16", "fp8")
    one_word = Execution(precision="nvfp4", expert_precision="mxfp4", activation_precision="fp8")
    (group,) = in_formats(LLAMA, one_word).layers
    assert (group.precisions.dense_ffn, group.precisions.activations) == ("nvfp4", "fp8")


@pytest.mark.parametrize("stated", ["experts", "whole"])
def test_stated_formats_take_their_usual_activations_where_nothing_was_quantised(stated):
    word = {"experts": {"expert_precision": "nvfp4"}, "whole": {"precision": "nvfp4"}}[stated]
    (group,) = in_formats(MIXTRAL, Execution(**word)).layers
    assert group.precisions.activations == "nvfp4"


@pytest.mark.parametrize(
    ("model", "engine", "words", "cache"),
    [
        (MIXTRAL, "vllm", {}, "bf16"),
        (MIXTRAL, "vllm", {"precision": "fp8"}, "bf16"),
        (MIXTRAL, "sglang", {"precision": "fp8"}, "bf16"),
        (MIXTRAL, "trtllm", {"precision": "fp8"}, "fp8"),
        (MIXTRAL, "trtllm", {"precision": "fp8", "kv_precision": "bf16"}, "bf16"),
        (MIXTRAL, "vllm", {"precision": "nvfp4"}, "fp8"),
        (ASKING, "vllm", {}, "fp8"),
        (ASKING, "vllm", {"kv_precision": "bf16"}, "bf16"),
        (ASKING, "vllm", {"precision": "bf16"}, "bf16"),  # other weights than the checkpoint's
        (ASKING, "vllm", {"attention_precision": "fp8"}, "fp8"),
    ],
)
def test_the_cache_is_as_stated_as_the_checkpoint_asks_or_as_the_engine_takes_for_its_weights(
    model, engine, words, cache
):
    setup = find_engine(engine, **words)
    assert cache_format(in_formats(model, setup.execution), setup) == cache


def test_of_what_is_served_nothing_is_left_to_be_said_and_saying_it_again_changes_nothing():
    engine = find_engine("trtllm", precision="fp8", attention_precision="bf16")
    machine, served = as_served(Machine(gpu=H100, execution=engine.execution), engine, MIXTRAL)
    assert served == with_precision(MIXTRAL, "fp8", attention="bf16")
    assert machine.kv_precision == "fp8"
    assert as_served(machine, engine, served) == (machine, served)
    assert as_served(machine, engine, served)[1] is served


def test_a_grid_of_designs_is_served_as_each_of_them():
    grid = replace(MIXTRAL, d_model=np.array([1024, 2048]))
    (group,) = in_formats(grid, Execution(precision="fp8")).layers
    assert group.precisions.routed_experts == "fp8"


def test_the_bulk_of_a_model_is_its_experts_else_its_feed_forward():
    assert bulk_format(OWN) == "int4"
    assert bulk_format(LLAMA) == "bf16"
    quantised = LayerPrecisions(dense_ffn="fp8", routed_experts="int4")
    dense = replace(LLAMA, layers=tuple(replace(group, precisions=quantised) for group in LLAMA.layers))
    assert bulk_format(dense) == "fp8"
    assert bulk_format(with_precision(LLAMA, attention="int8")) == "int8"


def test_a_design_has_no_checkpoint_and_is_bf16_unless_stated():
    assert formats_of_a_design(find_engine("vllm")) == ("bf16", "bf16")
    assert formats_of_a_design(find_engine("trtllm", precision="fp8")) == ("fp8", "fp8")
    assert formats_of_a_design(find_engine("vllm", precision="fp8", kv_precision="int8")) == ("fp8", "int8")


@pytest.mark.parametrize("word", ["precision", "expert_precision", "kv_precision", "activation_precision"])
def test_a_format_that_is_none_is_refused_by_its_option(word):
    with pytest.raises(UnknownNameError, match=f"{word}: unknown name 'fp7'"):
        Execution(**{word: "fp7"})
