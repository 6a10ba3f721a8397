"""A model by name: its architecture and the configuration that is its function."""

import json

import pytest
import torch

from optimoe.arch.catalog import find_model
from optimoe.core.errors import ConfigError, UnknownNameError
from optimoe.models.attention.rope import Llama3Scaling, Rotary, YarnScaling
from optimoe.models.convert.named import read_model
from optimoe.models.decoder import build
from optimoe.models.routers import TopK
from tests.meta import without_storage

YARN = {"original_positions": 4096, "beta_fast": 32.0, "beta_slow": 1.0}


@pytest.mark.parametrize(
    ("name", "rotary"),
    [
        ("gpt-oss-20b", Rotary(theta=150_000.0, scaling=YarnScaling(factor=32.0, truncate=False, **YARN))),
        ("deepseek-v3", Rotary(scaling=YarnScaling(factor=40.0, mscale=1.0, mscale_all_dim=1.0, **YARN))),
        ("llama-3.1-8b", Rotary(theta=500_000.0, scaling=Llama3Scaling(factor=8.0, original_positions=8192))),
        ("minimax-m2.5", Rotary(theta=5e6, share=0.5)),
    ],
)
def test_a_name_gives_the_configuration_with_which_the_model_is_built(name, rotary):
    arch, config = read_model(name)
    assert config.rotary == rotary
    with without_storage():
        assert build(arch, config).arch.traits == find_model(name).traits
    assert arch.layers == find_model(name).layers


def test_the_routing_of_deepseek_v3_is_read_from_its_row():
    assert read_model("deepseek-v3")[1].router == TopK(
        score="sigmoid", normalised=True, scale=2.5, num_groups=8, top_groups=4, balanced_by_bias=True
    )


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("llama-2-7b", "llama-2-7b: rms_norm_eps: must be given"),
        ("llama-3.3-70b", "llama-3.3-70b: rope_scaling: must be given"),
        ("olmoe-1b-7b", "olmoe-1b-7b: norm_topk_prob: must be given"),
        ("gemma-7b", "gemma is counted but not converted"),
        ("gpt-3", "one whose row of the catalog has a config, got gpt-3"),
    ],
)
def test_a_name_whose_row_says_too_little_is_refused_by_the_missing_field(name, words):
    with pytest.raises(ConfigError, match=words) as error:
        read_model(name)
    assert "\n" not in str(error.value)


def test_fields_that_a_row_lacks_may_be_given():
    arch, config = read_model("olmoe-1b-7b", norm_topk_prob=False, rope_theta=1e4, rms_norm_eps=1e-5)
    assert arch.traits == ("gates_sum_to_one=false",)
    with torch.device("meta"):
        build(arch, config)


def test_a_folder_is_read_like_a_name(tmp_path):
    config = {"model_type": "llama", "vocab_size": 24, "hidden_size": 16, "intermediate_size": 20}
    config |= {"num_hidden_layers": 1, "num_attention_heads": 4, "rope_theta": 500.0, "rms_norm_eps": 1e-5}
    (tmp_path / "config.json").write_text(json.dumps(config | {"hidden_act": "relu"}))
    arch, read = read_model(tmp_path)
    assert (arch.name, arch.traits, read.activation) == (tmp_path.name, ("activation=relu",), "relu")
    with pytest.raises(UnknownNameError, match="nearest: mixtral"):
        read_model("mixtral-8x7")
