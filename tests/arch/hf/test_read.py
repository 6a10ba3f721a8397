"""``config.json`` in and out: identity, mutations, unknown types."""

import json
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimoe.arch.catalog import find_model
from optimoe.arch.count import count
from optimoe.arch.hf import from_config, load_config, to_config
from optimoe.arch.hf.families import FAMILIES
from optimoe.arch.hf.types.wrappers import wrappers
from optimoe.arch.spec import ArchSpec
from optimoe.core.errors import ConfigError, InputError, UnknownNameError
from tests.arch.small_configs import SMALL, UNKNOWN_TO_TRANSFORMERS, small_config

WRAPPERS = sorted(name for name, wrapper in wrappers().items() if not wrapper.fixed)
EVERY = sorted({**SMALL, **UNKNOWN_TO_TRANSFORMERS})


def test_every_family_is_tried():
    assert set(EVERY) == set(FAMILIES)


@pytest.mark.parametrize("model_type", EVERY)
def test_config_to_spec_to_config_to_spec_is_the_identity(model_type):
    spec = from_config(small_config(model_type), "model")
    config = to_config(spec, model_type)
    assert config["model_type"] == model_type
    assert from_config(json.loads(json.dumps(config)), "model") == spec
    assert to_config(from_config(config, "model"), model_type) == config


BY_LAYER = (
    "intermediate_size",
    "layer_types",
    "mlp_layer_types",
    "indexer_types",
    "moe_topk",
    "moe_layer_freq",
    "block_configs",
    "layers_block_type",
)


def by_layer(config, layers):
    """Lists with one value a layer, repeated or cut to so many layers."""
    table = config.get("sparse_attention_config", {})
    lists = {name: table[name] for name in table if isinstance(table[name], list)}
    lists |= {name: config[name] for name in BY_LAYER if isinstance(config.get(name), list)}
    cycled = {name: [values[layer % len(values)] for layer in range(layers)] for name, values in lists.items()}
    inner = {"sparse_attention_config": table | {name: cycled[name] for name in table if name in cycled}}
    return config | {name: cycled[name] for name in BY_LAYER if name in cycled} | (inner if table else {})


@settings(max_examples=200, deadline=None)
@given(
    model_type=st.sampled_from(EVERY),
    layers=st.integers(1, 14),
    width=st.integers(1, 40),
    heads=st.sampled_from([1, 2, 4, 8]),
    tied=st.booleans(),
)
def test_the_identity_holds_for_any_size(model_type, layers, width, heads, tied):
    config = small_config(model_type)
    names = ("n_layers", "d_model", "n_heads") if model_type == "dbrx" else None
    sizes = dict(
        zip(
            names or ("num_hidden_layers", "hidden_size", "num_attention_heads"),
            (layers, 8 * width * heads, heads),
            strict=True,
        )
    )
    config.pop("tie_embedding", None)
    config |= sizes | {"tie_word_embeddings": FAMILIES[model_type].only.get("tie_word_embeddings", tied)}
    if model_type == "dbrx":
        config["attn_config"] = {"kv_n_heads": 1}
    else:
        config |= {"num_key_value_heads": 1, "swa_num_key_value_heads": 1}
    if model_type == "longcat_flash":  # two layers a block
        config["num_hidden_layers"] = 2 * layers
    if model_type == "mamba2":  # its heads are as wide together as its inner width
        config |= {"num_heads": config["hidden_size"] // 8, "n_groups": 1}
    if model_type == "dory":  # its section is what lies between
        config |= {"n_input_layers": 0, "n_recurrent_layers": None, "n_output_layers": 0}
        config["layer_types"] = ["sliding_attention", "full_attention"]
    if model_type == "zamba2":  # adapters are as wide as what they are added to
        config["num_key_value_heads"] = heads
    config.pop("mlp_only_layers", None)
    if "num_kv_shared_layers" in config:
        config["num_kv_shared_layers"] = int(layers > 2)
    config.pop("num_attention_heads_per_layer", None)  # of the heads that stand above
    if getattr(FAMILIES[model_type].attention, "fixed_head_dim", False):
        config["head_dim"] = 8 * width
    if "attention_types" in config:
        config["attention_types"] = [[["local"], layers]]
    if "num_kv_heads" in config:
        config["num_kv_heads"] = 1
    config = by_layer(config, layers)
    spec = from_config(config, "model")
    assert from_config(to_config(spec, model_type), "model") == spec


DERIVED = {
    "mamba": ("intermediate_size",),
    "falcon_mamba": ("intermediate_size",),
    "bamba": ("attn_layer_indices",),
    "falcon_h1": ("mamba_d_ssm",),
    "lfm2": ("tie_embedding",),
    "nemotron_h": ("moe_latent_size",),
    "rwkv": ("intermediate_size",),
    "opt": ("word_embed_proj_dim",),
    "olmo_hybrid": ("linear_num_value_heads", "linear_value_head_dim"),
    "recurrent_gemma": ("lru_width",),
    "zamba": ("attention_head_dim",),
}
"""Fields that a family's own code computes from others, or takes for none, where they are missing."""


@pytest.mark.parametrize("model_type", EVERY)
def test_a_field_that_changes_a_count_is_never_guessed(model_type):
    """Removing a field either changes nothing or is refused, unless the family's own default is documented."""
    config = small_config(model_type)
    family = FAMILIES[model_type]
    whole = from_config(config, "model")
    for field in set(config) - {"model_type"}:
        reduced = {key: value for key, value in config.items() if key != field}
        try:
            spec = from_config(reduced, "model")
        except ConfigError as error:
            assert "\n" not in str(error)
            continue
        derived = field in (
            "head_dim",
            "layer_types",
            "mlp_layer_types",
            "indexer_types",
            *DERIVED.get(model_type, ()),
        )
        assert spec == whole or derived or family.aliases.get(field, field) in family.defaults, field


MUTANTS = [None, "4", 4.0, -1, 0, True, [], {}, 10**30, [1, 2], "full_attention", float("nan"), ["x"] * 4]


def mutated(config, chance):
    """A configuration with one to three fields missing, replaced, scaled or added."""
    config = dict(config)
    for _ in range(chance.randint(1, 3)):
        field = chance.choice(list(config))
        action = chance.random()
        if action < 0.2:
            config.pop(field)
        elif action < 0.7:
            config[field] = chance.choice(MUTANTS)
        elif action < 0.85 and type(config.get(field)) is int:
            config[field] = chance.choice([config[field] * 10**6, config[field] + 1, -config[field]])
        else:
            config[chance.choice(["num_experts", "layer_types", "head_dim", "strange", "model_type"])] = (
                chance.choice([*MUTANTS, "mixtral", "nobody", 3])
            )
    return config


@pytest.mark.parametrize("seed", range(20))
def test_mutated_configurations_give_a_spec_or_one_line(seed):
    """500 of each seed, 10,000 together."""
    chance = random.Random(seed)
    specs = 0
    for _ in range(500):
        config = mutated(small_config(chance.choice(EVERY)), chance)
        try:
            spec = from_config(config, "mutant")
        except InputError as error:
            assert "\n" not in str(error)
            assert str(error)
            continue
        assert isinstance(spec, ArchSpec)
        params = count(spec).params
        assert 0 < params.active <= params.total
        specs += 1
    assert specs > 20  # the mutations are not all refused


FIELDS = sorted({field for model_type in EVERY for field in small_config(model_type)})


VALUES = [*MUTANTS, *range(1, 9), 16, 64, False, {"kv_n_heads": 2}, {"ffn_hidden_size": None}]


@pytest.mark.parametrize("seed", range(20))
def test_random_configurations_give_a_spec_or_one_line(seed):
    """500 of each seed, 10,000 together: any fields of any family with any values, half of them inside another."""
    chance = random.Random(seed)
    specs = 0
    for _ in range(500):
        base = small_config(chance.choice(EVERY)) if chance.random() < 0.5 else {}
        fields = chance.sample(FIELDS, chance.randint(0, 24))
        config = {field: chance.choice(VALUES) for field in fields} | base
        if not base or chance.random() < 0.5:
            config["model_type"] = chance.choice([*EVERY, *WRAPPERS, "nobody", None, 3])
        if chance.random() < 0.5:
            config = {
                "model_type": chance.choice(WRAPPERS),
                "text_config": chance.choice([config, None, 3]),
            }
        try:
            spec = from_config(config, "random")
        except InputError as error:
            assert str(error)
            assert "\n" not in str(error)
            continue
        params = count(spec).params
        assert 0 < params.active <= params.total
        specs += 1
    assert specs > 5  # not all are refused


def test_what_no_family_expresses_is_refused():
    spec = from_config(small_config("deepseek_v3"), "model")
    with pytest.raises(ConfigError, match="mixtral cannot express"):
        to_config(spec, "mixtral")
    with pytest.raises(UnknownNameError):
        to_config(spec, "nobody")


def test_a_planned_shape_goes_to_the_simplest_family():
    assert to_config(find_model("llama-3.1-8b"))["model_type"] == "llama"
    assert to_config(find_model("mixtral-8x7b"))["model_type"] == "mixtral"


def test_a_folder_is_read_by_its_config(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps(small_config("mixtral")))
    assert load_config(tmp_path).name == tmp_path.name
    with pytest.raises(UnknownNameError, match="nearest: mixtral-8x7b"):
        find_model("mixtral-8x7")


@pytest.mark.parametrize(
    ("fields", "tokens"),
    [
        ({}, 0),
        ({"max_position_embeddings": 40_960}, 40_960),
        ({"max_position_embeddings": 40_960, "rope_scaling": None}, 40_960),
        (
            {
                "max_position_embeddings": 40_960,
                "rope_scaling": {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32_768},
            },
            131_072,
        ),
        (
            {
                "max_position_embeddings": 163_840,
                "rope_scaling": {"type": "yarn", "factor": 40, "original_max_position_embeddings": 4096},
            },
            163_840,
        ),
        ({"max_position_embeddings": 4096, "rope_scaling": {"type": "linear", "factor": 2.0}}, 8192),
        ({"max_position_embeddings": 131_072, "rope_scaling": {"rope_type": "llama3", "factor": 8.0}}, 131_072),
    ],
)
def test_the_context_of_a_model_is_what_its_positions_reach(fields, tokens):
    config = {name: value for name, value in small_config("llama").items() if name != "max_position_embeddings"}
    assert from_config(config | fields, "x").max_context == tokens
