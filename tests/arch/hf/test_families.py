"""What every family promises: a built-in one, and one that an installed package states."""

import sys

import pytest

from optimoe.arch.hf import from_config, to_config
from optimoe.arch.hf.families import FAMILIES, GROUP, family_names, find_family
from optimoe.arch.hf.family import ConfigFamily
from optimoe.arch.hf.layers import stated_depth
from optimoe.arch.params import count_params
from optimoe.core.errors import ConfigError, UnknownNameError
from tests.arch.small_configs import SMALL, UNKNOWN_TO_TRANSFORMERS, small_config

THEIRS = """
from optimoe.arch.hf.family import ConfigFamily
from optimoe.arch.hf.ffns import Dense, Routed, every_layer
from optimoe.arch.hf.mixers import Gqa

FAMILY = ConfigFamily(
    architecture="OursForCausalLM",
    attention=Gqa(qk_norm="head"),
    routed=Routed(experts=("n_experts",), width=("expert_size",)),
    pattern=every_layer,
    defaults={"tie_word_embeddings": False},
)
NO_FAMILY = 3
"""

CONFIG = {
    "model_type": "ours",
    "vocab_size": 1000,
    "hidden_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 16,
    "n_experts": 8,
    "num_experts_per_tok": 2,
    "expert_size": 32,
}


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """A distribution with three entry points of the group, in a folder on Python's path."""
    info = tmp_path / "theirs-1.0.dist-info"
    info.mkdir()
    (tmp_path / "theirs.py").write_text(THEIRS)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: theirs\nVersion: 1.0\n")
    lines = ["ours = theirs:FAMILY", "number = theirs:NO_FAMILY", "gone = theirs:MISSING"]
    (info / "entry_points.txt").write_text("\n".join([f"[{GROUP}]", *lines, ""]))
    monkeypatch.syspath_prepend(tmp_path)
    yield
    sys.modules.pop("theirs", None)


def conforms(model_type, config):
    """A configuration is read, counted, and written back as it was read."""
    spec = from_config(config, "x")
    assert 0 < count_params(spec).active <= count_params(spec).total
    written = to_config(spec, model_type)
    assert written["architectures"] == [find_family(model_type).architecture]
    assert from_config(written, "x") == spec
    for field in ("hidden_size", "num_hidden_layers"):
        derived = field == "num_hidden_layers" and find_family(model_type).depth is not stated_depth
        if field in config and not derived:
            broken = {key: value for key, value in config.items() if key != field}
            with pytest.raises(ConfigError, match=field):
                from_config(broken, "x")


@pytest.mark.parametrize("model_type", sorted({**SMALL, **UNKNOWN_TO_TRANSFORMERS}))
def test_a_built_in_family_conforms(model_type):
    conforms(model_type, small_config(model_type))


def test_a_family_of_an_installed_package_conforms(installed):
    assert "ours" in family_names()
    conforms("ours", CONFIG)
    ffn = from_config(CONFIG, "x").layers[0].ffn
    assert (ffn.num_experts, ffn.top_k, ffn.d_expert) == (8, 2, 32)
    assert from_config(CONFIG, "x").traits == ("function=unstated",)


def test_the_first_family_that_expresses_a_model_stays_a_built_in_one(installed):
    spec = from_config(small_config("llama"), "x")
    assert to_config(spec)["model_type"] in FAMILIES


def test_what_a_package_states_wrongly_is_one_line_that_names_it(installed):
    with pytest.raises(ConfigError, match="number must be a ConfigFamily, got int"):
        find_family("number")
    with pytest.raises(ConfigError, match="entry point gone = theirs:MISSING of theirs cannot be loaded"):
        find_family("gone")


def test_without_the_package_its_family_is_unknown():
    assert find_family("ours") is None
    assert isinstance(FAMILIES["llama"], ConfigFamily)
    with pytest.raises(UnknownNameError, match="ours"):
        to_config(from_config(small_config("llama"), "x"), "ours")
