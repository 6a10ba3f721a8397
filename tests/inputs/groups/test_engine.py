"""The serving software: presets, precisions, calibrations."""

import pytest

from optimoe.arch.catalog import find_model
from optimoe.core.errors import ConfigError, InputError
from optimoe.cost.engines.engine import Engine, find_engine
from optimoe.cost.engines.preset import DEFAULT_ENGINE
from optimoe.cost.engines.served import cache_format, in_formats
from optimoe.inputs.groups.engine import EngineChoice


def test_nothing_stated_is_the_default_engine():
    assert EngineChoice().engine == DEFAULT_ENGINE
    assert EngineChoice().only_engine() == find_engine(DEFAULT_ENGINE) == Engine()


def test_the_cache_is_what_the_engine_makes_of_the_weights_unless_it_is_stated():
    def cache(engine, **stated):
        engine = EngineChoice(engine=engine, precision="fp8", **stated).only_engine()
        return cache_format(in_formats(find_model("mixtral-8x7b"), engine.execution), engine)

    assert (cache("vllm"), cache("trtllm")) == ("bf16", "fp8")
    assert cache("trtllm", kv_precision="bf16") == "bf16"


def test_each_part_may_be_stated_and_is_the_checkpoints_own_where_it_is_not():
    execution = EngineChoice(expert_precision="int4", activation_precision="fp8").only_engine().execution
    assert (execution.precision, execution.expert_precision) == ("auto", "int4")
    assert (execution.attention_precision, execution.activation_precision) == ("auto", "fp8")
    with pytest.raises(InputError, match="head_precision: unknown name 'fp7'"):
        EngineChoice(head_precision="fp7").only_engine()


def test_several_precisions_are_several_engines_where_one_may_choose():
    choice = EngineChoice(precision="bf16,fp8", kv_precision="bf16, fp8")
    pairs = [(engine.execution.precision, engine.execution.kv_precision) for engine in choice.engines()]
    assert pairs == [("bf16", "bf16"), ("bf16", "fp8"), ("fp8", "bf16"), ("fp8", "fp8")]
    with pytest.raises(InputError, match=r"--precision: must be one here, got 'bf16,fp8'"):
        choice.only_engine()


def test_the_share_of_memory_is_the_engines_own_unless_it_is_stated():
    assert EngineChoice().only_engine().memory_share == 0.0
    assert EngineChoice(memory_share=0.95).only_engine().memory_share == 0.95
    for share in (0.0, 1.1):
        with pytest.raises(ConfigError, match="--memory-share: must be above 0, at most 1"):
            EngineChoice(memory_share=share).only_engine()
