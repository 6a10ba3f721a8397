"""Families that are built and not converted compute what their makers' classes do, weights put over by hand."""

import pytest
import torch

from optimoe.arch.hf import from_config
from optimoe.arch.hf.families import FAMILIES
from optimoe.models.attention.rope import Rotary
from optimoe.models.config import ModelConfig, Multipliers
from optimoe.models.convert.hf_families import FAMILIES as CONVERTED
from optimoe.models.decoder import build
from optimoe.models.routers import TopK
from optimoe.models.traits.needs import PROVIDED
from tests.arch.small_configs import small_config
from tests.models.build import ids_of
from tests.models.convert.families import GRANITE, GROUPED

ROUTED = GROUPED | {"num_hidden_layers": 2, "num_experts_per_tok": 2, "moe_intermediate_size": 4}
ERNIE = {"moe_num_experts": 5, "moe_k": 2, "moe_layer_start_index": 1, "moe_layer_interval": 1}
STATED = {
    "ernie4_5_moe": (
        ROUTED | ERNIE | {"intermediate_size": 12, "moe_num_shared_experts": 2},
        TopK(balanced_by_bias=True),
    ),
    "exaone_moe": (
        ROUTED
        | {"num_experts": 5, "num_shared_experts": 1, "intermediate_size": 12, "routed_scaling_factor": 1.7}
        | {"mlp_layer_types": ["dense", "sparse"], "layer_types": ["sliding_attention"] * 2, "sliding_window": 3}
        | {"norm_topk_prob": True, "n_group": 1, "topk_group": 1},
        TopK(score="sigmoid", scale=1.7, balanced_by_bias=True),
    ),
    "granitemoeshared": (
        ROUTED | GRANITE | {"num_local_experts": 5, "intermediate_size": 12, "shared_intermediate_size": 20},
        TopK(),
    ),
}


def test_what_is_built_without_being_converted_is_tried_here_or_needs_parts_that_are_not_built():
    stated = {"norm_topk_prob": True, "routed_scaling_factor": 1.5, "n_group": 1, "topk_group": 1}
    could = set()
    for name in set(FAMILIES) - set(CONVERTED):
        traits = from_config(small_config(name) | stated, name).traits
        could |= {name} if all(trait.partition("=")[0] in PROVIDED for trait in traits) else set()
    as_deepseek_v3, with_indexers = {"kimi_k2"}, {"deepseek_v32", "glm_moe_dsa"}
    assert could - as_deepseek_v3 - with_indexers == set(STATED) - {"exaone_moe"}  # which has windows alone here


def turned(weight, heads):
    """Rows of queries or keys whose neighbours turn together, as ours do: even channels first."""
    return weight.unflatten(0, (heads, -1, 2)).transpose(1, 2).flatten(0, 2)


def attention(theirs, model_type):
    interleaved = model_type == "ernie4_5_moe"
    for ours, name, heads in (("query", "q", 4), ("key", "k", 2), ("value", "v", 0), ("output", "o", 0)):
        weight = theirs[f"self_attn.{name}_proj.weight"]
        yield f"mixer.{ours}.weight", turned(weight, heads) if interleaved and heads else weight
        if f"self_attn.{name}_norm.weight" in theirs:
            yield f"mixer.{ours}_norm.weight", theirs[f"self_attn.{name}_norm.weight"]


def feed_forward(theirs):
    """Ours of one layer: dense, or routed with the last of theirs that bear each name."""
    if "mlp.gate_proj.weight" in theirs:
        yield from gated(theirs, "mlp", "w")
        return
    for ending, ours in (("gate.weight", "router.weight"), ("router.weight", "router.weight")):
        yield from ((f"ffn.{ours}", weight) for name, weight in theirs.items() if name.endswith(ending))
    for name, weight in theirs.items():
        if name.endswith("e_score_correction_bias"):
            yield "ffn.router.balance_bias_E", weight.flatten()
        elif name.endswith(("experts.gate_up_proj", "experts.down_proj")):
            yield f"ffn.experts.w_{'in' if 'gate' in name else 'out'}", weight.transpose(1, 2)
        elif name.startswith("shared_mlp"):
            yield f"ffn.shared.w_{'in' if 'input' in name else 'out'}.weight", weight
    if "mlp.shared_experts.gate_proj.weight" in theirs:
        yield from gated(theirs, "mlp.shared_experts", "shared.w")


def gated(theirs, name, ours):
    yield f"ffn.{ours}_in.weight", torch.cat([theirs[f"{name}.{part}_proj.weight"] for part in ("gate", "up")])
    yield f"ffn.{ours}_out.weight", theirs[f"{name}.down_proj.weight"]


def as_ours(state, model_type):
    ours = {"embedding.weight": "model.embed_tokens", "unembedding.weight": "lm_head", "norm.weight": "model.norm"}
    found = {name: state[f"{theirs}.weight"] for name, theirs in ours.items()}
    for layer in range(2):
        start = f"model.layers.{layer}."
        theirs = {name.removeprefix(start): weight for name, weight in state.items() if name.startswith(start)}
        parts = {
            "mixer_norm.weight": theirs["input_layernorm.weight"],
            "ffn_norm.weight": theirs["post_attention_layernorm.weight"],
            **dict(attention(theirs, model_type)),
            **dict(feed_forward(theirs)),
        }
        found |= {f"blocks.{layer}.{name}": weight for name, weight in parts.items()}
    return found


@pytest.mark.parametrize("model_type", STATED)
@torch.no_grad()
def test_a_family_that_is_built_and_not_converted_computes_what_its_makers_class_does(model_type):
    from transformers import AutoConfig, AutoModelForCausalLM

    fields, router = STATED[model_type]
    torch.manual_seed(0)
    config = AutoConfig.for_model(model_type, **fields)
    theirs = AutoModelForCausalLM.from_config(config, attn_implementation="eager").eval()
    for tensor in theirs.state_dict().values():
        if tensor.dim() == 1 or len(tensor) == 1:  # norms and biases, which would hide a missing one
            tensor.add_(torch.randn_like(tensor) * 0.2)
    factors = {"embedding": 3.0, "residual": 0.4, "attention": 0.3, "logits": 0.5}
    multipliers = Multipliers(**factors) if model_type == "granitemoeshared" else Multipliers()
    asked = ModelConfig(router=router, rotary=Rotary(theta=500.0), norm_eps=1e-4, multipliers=multipliers)
    ours = build(from_config(config.to_dict(), model_type), asked).eval()
    ours.load_state_dict(as_ours(theirs.state_dict(), model_type))
    want = theirs(ids_of(2, 12)).logits
    assert want.std() > 0.1
    torch.testing.assert_close(ours(ids_of(2, 12)).logits_BSV, want, rtol=1e-5, atol=1e-5)
