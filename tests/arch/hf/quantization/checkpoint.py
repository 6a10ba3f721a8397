"""Small checkpoints as each format lays them out: a config.json and a safetensors header.

Layouts: vllm-project/compressed-tensors (compressors), NVIDIA/Model-Optimizer (torch/export/quant_utils.py),
huggingface/transformers (integrations/{finegrained_fp8,fbgemm_fp8,mxfp4}.py), casper-hansen/AutoAWQ
(nn_modules/linear/gemm.py), AutoGPTQ (nn_modules/qlinear), bitsandbytes (nn/modules.py). Data are holes.
"""

import json
import math
import re
import struct
from collections import Counter

from tests.arch.checkpoint.files import write_tensors


def linear(layout, n, k, group=128):
    """The tensors of a linear layer of n outputs and k inputs: suffix to type and shape."""
    groups = math.ceil(k / group)
    return {
        "bf16": {"weight": ("BF16", [n, k])},
        "fp8_block": {
            "weight": ("F8_E4M3", [n, k]),
            "weight_scale_inv": ("F32", [math.ceil(n / 128), math.ceil(k / 128)]),
        },
        "fp8_tensor": {
            "weight": ("F8_E4M3", [n, k]),
            "weight_scale": ("F32", []),
            "input_scale": ("F32", []),
        },
        "fbgemm": {
            "weight": ("F8_E4M3", [n, k]),
            "weight_scale": ("F32", [n, 1]),
            "input_scale_ub": ("F32", [1]),
        },
        "ct_fp8": {"weight": ("F8_E4M3", [n, k]), "weight_scale": ("BF16", [n, 1])},
        "ct_int8": {"weight": ("I8", [n, k]), "weight_scale": ("BF16", [n, 1])},
        "ct_int4": {
            "weight_packed": ("I32", [n, k // 8]),
            "weight_scale": ("BF16", [n, groups]),
            "weight_shape": ("I64", [2]),
        },
        "ct_int4_zeros": {
            "weight_packed": ("I32", [n, k // 8]),
            "weight_scale": ("BF16", [n, groups]),
            "weight_zero_point": ("I32", [n // 8, groups]),
            "weight_shape": ("I64", [2]),
        },
        "ct_nvfp4": {
            "weight_packed": ("U8", [n, k // 2]),
            "weight_scale": ("F8_E4M3", [n, k // 16]),
            "weight_global_scale": ("F32", [1]),
            "input_global_scale": ("F32", [1]),
        },
        "ct_mxfp4": {"weight_packed": ("U8", [n, k // 2]), "weight_scale": ("U8", [n, k // 32])},
        "modelopt_nvfp4": {
            "weight": ("U8", [n, k // 2]),
            "weight_scale": ("F8_E4M3", [n, k // 16]),
            "weight_scale_2": ("F32", []),
            "input_scale": ("F32", []),
        },
        "awq": {
            "qweight": ("I32", [k, n // 8]),
            "qzeros": ("I32", [groups, n // 8]),
            "scales": ("F16", [groups, n]),
        },
        "gptq": {
            "qweight": ("I32", [k // 8, n]),
            "qzeros": ("I32", [groups, n // 8]),
            "scales": ("F16", [groups, n]),
            "g_idx": ("I32", [k]),
        },
        "gptq8": {
            "qweight": ("I32", [k // 4, n]),
            "qzeros": ("I32", [groups, n // 4]),
            "scales": ("F16", [groups, n]),
            "g_idx": ("I32", [k]),
        },
        "nf4": {
            "weight": ("U8", [n * k // 2, 1]),
            "weight.absmax": ("U8", [n * k // 64]),
            "weight.nested_absmax": ("F32", [n * k // 64 // 256]),
            "weight.nested_quant_map": ("F32", [256]),
            "weight.quant_map": ("F32", [16]),
            "weight.quant_state.bitsandbytes__nf4": ("U8", [88]),
        },
    }[layout]


class Writer:
    """Collects tensors; each linear layer in the layout that ``layout_of`` gives its name."""

    def __init__(self, config, layout_of, group=128, inside="model"):
        self.config, self.layout_of, self.group, self.inside = config, layout_of, group, inside
        self.tensors = {}

    def linear(self, name, n, k):
        for suffix, tensor in linear(self.layout_of(name), n, k, self.group).items():
            self.tensors[f"{name}.{suffix}"] = tensor

    def vector(self, name, *shape, kind="BF16"):
        self.tensors[name] = (kind, list(shape))

    def ends(self):
        vocab, d = self.config["vocab_size"], self.config["hidden_size"]
        self.vector(f"{self.inside}.embed_tokens.weight", vocab, d)
        self.vector(f"{self.inside}.norm.weight", d)
        self.linear("lm_head", vocab, d)
        return self

    def feed_forward(self, name, width):
        d = self.config["hidden_size"]
        self.linear(f"{name}.gate_proj", width, d)
        self.linear(f"{name}.up_proj", width, d)
        self.linear(f"{name}.down_proj", d, width)

    def grouped_attention(self, name, *, norms):
        config = self.config
        d, head = config["hidden_size"], config["head_dim"]
        queries, keys = config["num_attention_heads"] * head, config["num_key_value_heads"] * head
        for part, n, k in (("q", queries, d), ("k", keys, d), ("v", keys, d), ("o", d, queries)):
            self.linear(f"{name}.{part}_proj", n, k)
        if norms:
            self.vector(f"{name}.q_norm.weight", head)
            self.vector(f"{name}.k_norm.weight", head)

    def latent_attention(self, name):
        config = self.config
        d, heads = config["hidden_size"], config["num_attention_heads"]
        queries, latent = config["q_lora_rank"], config["kv_lora_rank"]
        plain, rope, value = (config[key] for key in ("qk_nope_head_dim", "qk_rope_head_dim", "v_head_dim"))
        self.linear(f"{name}.q_a_proj", queries, d)
        self.linear(f"{name}.q_b_proj", heads * (plain + rope), queries)
        self.linear(f"{name}.kv_a_proj_with_mqa", latent + rope, d)
        self.linear(f"{name}.kv_b_proj", heads * (plain + value), latent)
        self.linear(f"{name}.o_proj", d, heads * value)
        self.vector(f"{name}.q_a_layernorm.weight", queries)
        self.vector(f"{name}.kv_a_layernorm.weight", latent)

    def norms(self, layer):
        for name in ("input_layernorm", "post_attention_layernorm"):
            self.vector(f"{layer}.{name}.weight", self.config["hidden_size"])

    def layers(self):
        return [f"{self.inside}.layers.{index}" for index in range(self.config["num_hidden_layers"])]


def llama(config, layout_of, **options):
    writer = Writer(config, layout_of, **options).ends()
    for layer in writer.layers():
        writer.norms(layer)
        writer.grouped_attention(f"{layer}.self_attn", norms=False)
        writer.feed_forward(f"{layer}.mlp", config["intermediate_size"])
    return writer.tensors


def qwen3_moe(config, layout_of, **options):
    writer = Writer(config, layout_of, **options).ends()
    for layer in writer.layers():
        writer.norms(layer)
        writer.grouped_attention(f"{layer}.self_attn", norms=True)
        writer.vector(f"{layer}.mlp.gate.weight", config["num_experts"], config["hidden_size"])
        for expert in range(config["num_experts"]):
            writer.feed_forward(f"{layer}.mlp.experts.{expert}", config["moe_intermediate_size"])
    return writer.tensors


def deepseek_v3(config, layout_of, **options):
    writer = Writer(config, layout_of, **options).ends()
    for index, layer in enumerate(writer.layers()):
        writer.norms(layer)
        writer.latent_attention(f"{layer}.self_attn")
        if index < config["first_k_dense_replace"]:
            writer.feed_forward(f"{layer}.mlp", config["intermediate_size"])
            continue
        width, number = config["moe_intermediate_size"], config["n_routed_experts"]
        writer.vector(f"{layer}.mlp.gate.weight", number, config["hidden_size"])
        writer.vector(f"{layer}.mlp.gate.e_score_correction_bias", number, kind="F32")
        writer.feed_forward(f"{layer}.mlp.shared_experts", config["n_shared_experts"] * width)
        for expert in range(number):
            writer.feed_forward(f"{layer}.mlp.experts.{expert}", width)
    return writer.tensors


def gpt_oss(config, layout_of, **options):
    """Experts of a layer are stacked: blocks of 16 bytes for 32 values, and a byte of scale for each."""
    writer = Writer(config, layout_of, **options).ends()
    d, width, number = config["hidden_size"], config["intermediate_size"], config["num_local_experts"]
    for layer in writer.layers():
        writer.norms(layer)
        attention = f"{layer}.self_attn"
        writer.grouped_attention(attention, norms=False)
        heads, keys = config["num_attention_heads"], config["num_key_value_heads"]
        for part, rows in (("q", heads), ("k", keys), ("v", keys)):
            writer.vector(f"{attention}.{part}_proj.bias", rows * config["head_dim"])
        writer.vector(f"{attention}.o_proj.bias", d)
        writer.vector(f"{attention}.sinks", heads)
        writer.vector(f"{layer}.mlp.router.weight", number, d)
        writer.vector(f"{layer}.mlp.router.bias", number)
        for name, n, k in (("gate_up_proj", 2 * width, d), ("down_proj", d, width)):
            experts = f"{layer}.mlp.experts.{name}"
            writer.vector(f"{experts}_blocks", number, n, k // 32, 16, kind="U8")
            writer.vector(f"{experts}_scales", number, n, k // 32, kind="U8")
            writer.vector(f"{experts}_bias", number, n)
    return writer.tensors


FAMILIES = {"llama": llama, "qwen3_moe": qwen3_moe, "deepseek_v3": deepseek_v3, "gpt_oss": gpt_oss}


def write(folder, config, tensors, beside=None):
    """A folder with ``config.json``, ``model.safetensors`` and, where given, ``hf_quant_config.json``."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config))
    if beside is not None:
        (folder / "hf_quant_config.json").write_text(json.dumps(beside))
    write_tensors(folder / "model.safetensors", tensors)
    return folder


PARTS = (
    ("embedding", r"embed_tokens"),
    ("unembedding", r"^lm_head"),
    ("shared_experts", r"shared_experts"),
    ("routed_experts", r"mlp\.experts"),
    ("router", r"mlp\.(gate|router)\."),
    ("dense_ffn", r"mlp\.(gate|up|down)_proj"),
    ("attention", r"self_attn"),
    ("norms", r"norm"),
)
"""Parts by the names of tensors, the first that fits."""


def bytes_by_part(folder):
    """What the header of a checkpoint says that it stores, by part."""
    with (folder / "model.safetensors").open("rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
    sums = Counter()
    header.pop("__metadata__")
    for name, tensor in header.items():
        start, end = tensor["data_offsets"]
        sums[next(part for part, pattern in PARTS if re.search(pattern, name))] += end - start
    return dict(sums)
