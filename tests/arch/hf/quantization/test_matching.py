"""Lists of modules select what their formats mean by them."""

import pytest

from optimoe.arch.hf.quantization.matching import ModuleNames
from optimoe.core.errors import ConfigError

ATTENTION = "model.layers.1.self_attn.q_proj"


@pytest.mark.parametrize(
    ("entry", "selected", "left"),
    [
        (
            "model.layers.1.self_attn",
            [ATTENTION],
            ["model.layers.10.self_attn.q_proj"],
        ),
        ("gate", ["model.layers.1.mlp.gate"], ["model.layers.1.mlp.gate_proj"]),
        ("mlp.gate", ["model.layers.1.mlp.gate"], ["model.layers.1.mlp.gate_proj"]),
        ("lm_head.weight", ["lm_head"], ["model.embed_tokens"]),
        ("model.layers.*.self_attn", [ATTENTION], ["model.layers.1.mlp.up_proj"]),
        ("model.layers.1*", [ATTENTION, "model.layers.10.mlp.up_proj"], ["model.layers.2.mlp.up_proj"]),
        ("re:.*self_attn.*", [ATTENTION], ["model.layers.1.mlp.up_proj"]),
        ("re:.*mlp\\.(gate|up)_proj.*", ["model.layers.0.mlp.up_proj"], ["model.layers.0.mlp.experts.3.up_proj"]),
        ("re:layers", [], [ATTENTION]),
    ],
)
def test_an_entry_selects_its_modules_and_no_others(entry, selected, left):
    names = ModuleNames([entry], "list")
    assert all(names.select([name]) for name in selected)
    assert not any(names.select([name]) for name in left)


def test_an_empty_list_selects_nothing():
    assert not ModuleNames([], "list").select([ATTENTION])


@pytest.mark.parametrize("entry", [3, "re:("])
def test_what_is_no_name_is_refused(entry):
    with pytest.raises(ConfigError, match="list: must"):
        ModuleNames([entry], "list")
