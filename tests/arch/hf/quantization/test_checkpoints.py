"""Bytes by part of small checkpoints in every format, against the headers of their own files."""

import re
from dataclasses import asdict

import pytest

from optimoe.arch.checkpoint.compare import stored_model
from optimoe.arch.hf import load_config
from optimoe.arch.memory import weight_bytes
from tests.arch.hf.quantization.checkpoint import FAMILIES, bytes_by_part, write

SHARED = {"vocab_size": 4096, "hidden_size": 2048, "num_hidden_layers": 4, "tie_word_embeddings": False}
GROUPED = SHARED | {"num_attention_heads": 16, "num_key_value_heads": 4, "head_dim": 128}
LLAMA = GROUPED | {"model_type": "llama", "intermediate_size": 3072}
QWEN = GROUPED | {
    "model_type": "qwen3_moe",
    "intermediate_size": 3072,
    "num_experts": 4,
    "num_experts_per_tok": 2,
    "moe_intermediate_size": 768,
}
DEEPSEEK = SHARED | {
    "model_type": "deepseek_v3",
    "hidden_size": 7168,
    "intermediate_size": 3072,
    "num_attention_heads": 16,
    "num_key_value_heads": 16,
    "q_lora_rank": 1536,
    "kv_lora_rank": 512,
    "qk_nope_head_dim": 128,
    "qk_rope_head_dim": 64,
    "v_head_dim": 128,
    "n_routed_experts": 4,
    "n_shared_experts": 1,
    "num_experts_per_tok": 2,
    "moe_intermediate_size": 512,
    "first_k_dense_replace": 1,
}
GPT_OSS = GROUPED | {
    "model_type": "gpt_oss",
    "intermediate_size": 2880,
    "num_local_experts": 4,
    "num_experts_per_tok": 2,
    "sliding_window": 128,
}
INT4 = {"num_bits": 4, "type": "int", "symmetric": True, "strategy": "group", "group_size": 32}
KIMI_EXCEPTIONS = [
    "lm_head",
    "re:.*self_attn.*",
    "re:.*shared_experts.*",
    "re:.*mlp\\.(gate|up|gate_up|down)_proj.*",
]
ROUTERS = [f"model.layers.{layer}.mlp.gate" for layer in range(4)]


def all_but(layout, plain):
    """A layout for every linear layer whose name the expression does not match."""
    return lambda name: "bf16" if re.search(plain, name) else layout


def groups(weights, inputs=None, targets=("Linear",), **top):
    group = {"weights": weights, "input_activations": inputs, "targets": list(targets)}
    return {"quant_method": "compressed-tensors", "config_groups": {"group_0": group}} | top


def mixed(name):
    if name.endswith("self_attn.o_proj"):
        return "fp8_tensor"
    return "modelopt_nvfp4" if "experts" in name and "layers.1.mlp.experts.2." not in name else "bf16"


def mixed_layers(names):
    recipes = {"fp8_tensor": {"quant_algo": "FP8"}, "modelopt_nvfp4": {"quant_algo": "NVFP4", "group_size": 16}}
    return {name: recipes[mixed(name)] for name in names if mixed(name) in recipes}


EXPERT_MATRICES = [
    f"model.layers.{layer}.mlp.experts.{expert}.{name}_proj"
    for layer in range(4)
    for expert in range(4)
    for name in ("gate", "up", "down")
]
OUTPUTS = [f"model.layers.{layer}.self_attn.o_proj" for layer in range(4)]

CASES = {
    "fp8 blocks": (
        DEEPSEEK,
        {"quant_method": "fp8", "weight_block_size": [128, 128], "activation_scheme": "dynamic"},
        all_but("fp8_block", "lm_head"),
        {},
    ),
    "fp8 blocks with exceptions": (
        QWEN,
        {
            "quant_method": "fp8",
            "weight_block_size": [128, 128],
            "modules_to_not_convert": [
                "lm_head",
                *ROUTERS,
                "model.layers.2.self_attn.o_proj",
                "model.layers.3.mlp",
            ],
        },
        all_but("fp8_block", r"lm_head|layers\.2\.self_attn\.o_proj|layers\.3\.mlp"),
        {},
    ),
    "fp8 per matrix": (
        LLAMA,
        {"quant_method": "fp8", "activation_scheme": "static", "ignored_layers": ["lm_head"]},
        all_but("fp8_tensor", "lm_head"),
        {},
    ),
    "fbgemm": (
        LLAMA,
        {
            "quant_method": "fbgemm_fp8",
            "modules_to_not_convert": [
                "lm_head.weight",
                *(f"model.layers.{layer}.self_attn.{part}_proj" for layer in range(4) for part in "qkvo"),
                *(f"model.layers.{layer}.mlp.{part}_proj" for layer in (0, 3) for part in ("gate", "up", "down")),
            ],
        },
        all_but("fbgemm", r"lm_head|self_attn|layers\.[03]\."),
        {},
    ),
    "compressed fp8 per channel": (
        LLAMA,
        groups(
            {"num_bits": 8, "type": "float", "strategy": "channel"},
            {"num_bits": 8, "type": "float", "dynamic": True},
            format="float-quantized",
            ignore=["lm_head"],
        ),
        all_but("ct_fp8", "lm_head"),
        {},
    ),
    "compressed int8": (
        LLAMA,
        groups(
            {"num_bits": 8, "type": "int", "strategy": "channel", "symmetric": True},
            {"num_bits": 8, "type": "int", "dynamic": True},
            format="int-quantized",
            ignore=["lm_head"],
        ),
        all_but("ct_int8", "lm_head"),
        {},
    ),
    "compressed int4 of experts only": (
        DEEPSEEK,
        groups(INT4, format="pack-quantized", ignore=KIMI_EXCEPTIONS),
        all_but("ct_int4", r"lm_head|self_attn|shared_experts|mlp\.(gate|up|down)_proj"),
        {"group": 32},
    ),
    "compressed int4 with zero points, the head too": (
        LLAMA,
        groups(INT4 | {"symmetric": False, "group_size": 64}, format="pack-quantized", ignore=[]),
        lambda name: "ct_int4_zeros",
        {"group": 64},
    ),
    "compressed nvfp4": (
        QWEN,
        groups(
            {"num_bits": 4, "type": "float", "strategy": "tensor_group", "group_size": 16},
            {"num_bits": 4, "type": "float", "group_size": 16},
            format="nvfp4-pack-quantized",
            ignore=["lm_head", "re:.*mlp.gate$", "model.layers.0.self_attn.q_proj", "re:.*layers\\.3\\.mlp.*"],
        ),
        all_but("ct_nvfp4", r"lm_head|layers\.0\.self_attn\.q_proj|layers\.3\.mlp"),
        {},
    ),
    "compressed mxfp4": (
        LLAMA,
        groups(
            {"num_bits": 4, "type": "float", "strategy": "group", "group_size": 32},
            format="mxfp4-pack-quantized",
            ignore=["re:.*lm_head.*"],
        ),
        all_but("ct_mxfp4", "lm_head"),
        {},
    ),
    "compressed groups by name": (
        QWEN,
        {
            "quant_method": "compressed-tensors",
            "config_groups": {
                "group_0": {
                    "targets": ["re:.*self_attn.*"],
                    "weights": {"num_bits": 8, "type": "float", "strategy": "channel"},
                    "format": "float-quantized",
                },
                "group_1": {"targets": ["re:.*mlp\\.experts.*"], "weights": INT4, "format": "pack-quantized"},
            },
            "ignore": ["lm_head"],
        },
        lambda name: "ct_fp8" if "self_attn" in name else "bf16" if "lm_head" in name else "ct_int4",
        {"group": 32},
    ),
    "modelopt fp8": (
        LLAMA,
        {"quant_algo": "FP8", "ignore": ["lm_head"], "kv_cache_scheme": "FP8", "producer": {"name": "modelopt"}},
        all_but("fp8_tensor", "lm_head"),
        {},
    ),
    "modelopt one by one": (
        QWEN,
        {
            "quant_method": "modelopt",
            "quant_algo": "MIXED_PRECISION",
            "quantized_layers": mixed_layers([*EXPERT_MATRICES, *OUTPUTS]),
            "ignore": ["mtp*"],
        },
        mixed,
        {},
    ),
    "mxfp4 of gpt-oss": (
        GPT_OSS,
        {
            "quant_method": "mxfp4",
            "modules_to_not_convert": [
                "model.layers.*.self_attn",
                "model.layers.*.mlp.router",
                "model.embed_tokens",
                "lm_head",
            ],
        },
        lambda name: "bf16",
        {},
    ),
    "awq": (
        LLAMA,
        {"quant_method": "awq", "bits": 4, "group_size": 64, "modules_to_not_convert": ["layers.1.mlp"]},
        all_but("awq", r"lm_head|layers\.1\.mlp"),
        {"group": 64},
    ),
    "gptq": (
        QWEN,
        {
            "quant_method": "gptq",
            "bits": 4,
            "group_size": 32,
            "dynamic": {"-:.*self_attn\\.k_proj": {}, "+:.*layers\\.2\\..*experts.*": {"bits": 8}},
        },
        lambda name: (
            "bf16" if re.search(r"lm_head|k_proj", name) else "gptq8" if "layers.2.mlp.experts" in name else "gptq"
        ),
        {"group": 32},
    ),
    "bitsandbytes nf4": (
        LLAMA,
        {
            "quant_method": "bitsandbytes",
            "load_in_4bit": True,
            "bnb_4bit_quant_type": "nf4",
            "bnb_4bit_use_double_quant": True,
            "llm_int8_skip_modules": ["lm_head"],
        },
        all_but("nf4", "lm_head"),
        {},
    ),
    "quark": (
        LLAMA,
        {
            "quant_method": "quark",
            "global_quant_config": {
                "weight": {"dtype": "fp8_e4m3", "qscheme": "per_tensor"},
                "input_tensors": {"dtype": "fp8_e4m3"},
            },
            "exclude": ["lm_head", "*.self_attn.v_proj"],
        },
        all_but("fp8_tensor", r"lm_head|v_proj"),
        {},
    ),
}


def assert_as_the_header_says(folder):
    model = load_config(folder)
    stored = bytes_by_part(folder)
    counted = {part: size for part, size in asdict(weight_bytes(model)).items() if size}
    assert counted == pytest.approx(stored, rel=1e-3)
    assert weight_bytes(model).total == pytest.approx(sum(stored.values()), rel=1e-3)
    found = stored_model(folder, model)
    assert found.differences == ()
    for part in found.parts.values():
        assert part.params == part.params_stated
    bytes_found = {part: one.num_bytes for part, one in found.parts.items()}
    if "buffer" in found.beside:  # balancing biases, which are no parameters
        bytes_found["router"] += found.beside["buffer"]
    assert bytes_found == stored
    return model


@pytest.mark.parametrize("name", CASES)
def test_bytes_by_part_are_those_of_the_checkpoint(name, tmp_path):
    config, quantization, layout_of, options = CASES[name]
    tensors = FAMILIES[config["model_type"]](config, layout_of, **options)
    folder = write(tmp_path / "model", config | {"quantization_config": quantization}, tensors)
    model = assert_as_the_header_says(folder)
    assert model.precisions.source == "quantization_config"


def test_formats_beside_the_configuration_are_read_with_their_globs(tmp_path):
    beside = {
        "producer": {"name": "modelopt"},
        "quantization": {
            "quant_algo": "NVFP4",
            "kv_cache_quant_algo": "FP8",
            "group_size": 16,
            "exclude_modules": [
                "lm_head",
                *(f"model.layers.{layer}.self_attn.{part}_proj" for layer in range(4) for part in ("q_a", "q_b")),
                "model.layers.0*",
                "model.layers.4*",
                "*kv_b_proj*",
            ],
        },
    }
    layout_of = all_but("modelopt_nvfp4", r"lm_head|q_[ab]_proj|layers\.0\.|kv_b_proj")
    folder = write(tmp_path / "model", DEEPSEEK, FAMILIES["deepseek_v3"](DEEPSEEK, layout_of), beside)
    model = assert_as_the_header_says(folder)
    assert (model.precisions.source, model.precisions.kv_cache) == ("hf_quant_config.json", "fp8")
    assert [group.precisions.routed_experts for group in model.layers] == ["bf16", "nvfp4"]


def test_a_model_of_several_modalities_is_read_under_its_inner_names(tmp_path):
    quantization = {
        "quant_method": "modelopt",
        "quant_algo": "NVFP4",
        "ignore": ["language_model.lm_head", "language_model.model.layers.1.*", "vision_tower*"],
    }
    text = DEEPSEEK | {"model_type": "kimi_k2", "quantization_config": quantization}
    config = {"model_type": "kimi_k25", "text_config": text}
    layout_of = all_but("modelopt_nvfp4", r"lm_head|layers\.1\.")
    assert_as_the_header_says(write(tmp_path / "model", config, FAMILIES["deepseek_v3"](DEEPSEEK, layout_of)))
