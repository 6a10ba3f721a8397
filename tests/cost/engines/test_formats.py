from dataclasses import replace

import pytest

from optimoe.arch.catalog import find_model
from optimoe.arch.precision.parts import CheckpointPrecisions
from optimoe.arch.quantize import with_precision
from optimoe.cost.engines.formats import format_warning, format_words

MIXTRAL, LLAMA = (find_model(name) for name in ("mixtral-8x7b", "llama-3.1-8b"))


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (MIXTRAL, "bf16"),
        (with_precision(MIXTRAL, "fp8"), "fp8; router, embedding, head bf16"),
        (with_precision(LLAMA, "int4"), "int4; embedding, head bf16"),
        (with_precision(MIXTRAL, "mxfp4"), "experts mxfp4, rest bf16"),
        (with_precision(MIXTRAL, "fp8", experts="nvfp4"), "experts nvfp4, attention fp8, rest bf16"),
        (find_model("gpt-oss-120b"), "experts mxfp4, rest bf16"),
        (find_model("deepseek-v3"), "fp8; router, embedding, head bf16"),
    ],
)
def test_formats_are_said_by_part_the_quantised_first(model, words):
    assert format_words(model) == words


def test_a_part_with_exceptions_names_both_its_formats():
    (group,) = with_precision(LLAMA, "fp8").layers
    group = replace(group, precisions=replace(group.precisions, plain=(("attention", 0.3),)))
    assert format_words(replace(LLAMA, layers=(group,))) == "feed-forward fp8, attention fp8/bf16, rest bf16"


def test_a_name_that_speaks_of_a_format_which_no_file_states_is_said():
    named = replace(MIXTRAL, name="mixtral-8x7b-NVFP4")
    assert format_warning(named).startswith("no formats are stated")
    assert "--precision nvfp4" in format_warning(named)
    assert format_warning(MIXTRAL) == ""
    assert format_warning(with_precision(named, "nvfp4")) == ""


def test_what_a_checkpoint_leaves_out_travels_with_it():
    told = replace(
        MIXTRAL, precisions=CheckpointPrecisions(source="quantization_config", warning="half is unknown")
    )
    assert format_warning(told) == "half is unknown"
    assert format_warning(with_precision(told, "fp8")) == ""
