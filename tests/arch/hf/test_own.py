"""An architecture that no family expresses is plain values that a person writes and a program reads back."""

import json
import tomllib

import pytest

from optimoe.arch.catalog import find_model
from optimoe.arch.catalog.models import model_names
from optimoe.arch.hf import from_config, to_config
from optimoe.core.config import to_toml
from optimoe.core.errors import InputError
from tests.models.shapes import ARCHS


@pytest.mark.parametrize("write", ["toml", "json"])
def test_every_architecture_reads_back_equal_from_its_plain_values(write):
    archs = [*ARCHS.values(), *map(find_model, model_names())]
    for arch in archs:
        plain = to_config(arch, "optimoe")
        back = tomllib.loads(to_toml(plain)) if write == "toml" else json.loads(json.dumps(plain))
        read = from_config(back, arch.name)
        assert (read, read.traits, read.max_context) == (arch, arch.traits, arch.max_context)
        assert to_config(read, "optimoe") == plain


def test_plain_values_are_the_last_resort_and_only_when_asked():
    assert to_config(ARCHS["ffn routed"], or_own=True)["model_type"] == "mixtral"
    assert to_config(ARCHS["ffn product keys"], or_own=True)["model_type"] == "optimoe"
    with pytest.raises(InputError, match="has parts that any known family cannot express"):
        to_config(ARCHS["ffn product keys"])


PLAIN = """
model_type = "optimoe"
vocab_size = 257
d_model = 64
num_positions = 128

[[layers]]
num_layers = 1
mixer = { kind = "attention", num_heads = 4, num_kv_heads = 2, head_dim = 16 }
ffn = { kind = "dense", d_ff = 128 }

[[layers]]
num_layers = 3
mixer = { kind = "attention", num_heads = 4, num_kv_heads = 2, head_dim = 16, window_tokens = 64 }
ffn = { kind = "peer", num_keys = 32, num_heads = 2, top_k = 8, d_key = 16 }
"""


def test_a_file_of_plain_values_is_a_model(tmp_path):
    (tmp_path / "mine.toml").write_text(PLAIN)
    (tmp_path / "mine.json").write_text(json.dumps(tomllib.loads(PLAIN)))
    read = [find_model(str(tmp_path / name)) for name in ("mine.toml", "mine.json")]
    assert read[0] == read[1] and read[0].num_layers == 4 and read[0].layers[1].ffn.num_keys == 32


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('kind = "peer"', 'kind = "pear"', r"layers 2: ffn: kind: unknown name 'pear' \(nearest: peer\)"),
        ("d_ff = 128", "d_fff = 128", r"layers 1: ffn: field: unknown name 'd_fff' \(nearest: d_ff\)"),
        ("d_model = 64", "", "architecture: d_model: must be given"),
        ("num_layers = 3", "num_layer = 3", r"layers 2: field: unknown name 'num_layer'"),
        ("num_layers = 3", 'num_layers = "3"', "layers 2: num_layers: Expected `int`, got `str`"),
        ("num_positions = 128", "num_positions = -1", "num_positions: must be zero or more, got -1"),
        ("top_k = 8", "top_k = 64", "layers 2: ffn: top_k: must be at most num_keys = 32, got 64"),
    ],
)
def test_a_wrong_value_is_named_with_its_layer(old, new, words):
    with pytest.raises(InputError, match=words):
        from_config(tomllib.loads(PLAIN.replace(old, new)), "mine")
