"""Checkpoints of Hugging Face's own classes, in and out."""

import json
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

from optimoe.arch.hf import from_config
from optimoe.arch.parts import PEER, Attention, DenseFFN, LatentAttention, MoE
from optimoe.arch.spec import LayerGroup
from optimoe.core.errors import ConfigError, InputError, UnknownNameError
from optimoe.models.attention.rope import Rotary
from optimoe.models.config import ModelConfig
from optimoe.models.convert.hf import load_hf, save_hf, to_hf
from optimoe.models.decoder import build
from optimoe.models.routers import Hash, TopK
from tests.models.build import ids_of, make_arch, make_dense
from tests.models.convert.families import THEIRS, family_of


def close(one, other):
    torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", THEIRS)
@torch.no_grad()
def test_their_model_comes_in_and_goes_out_with_its_logits_and_its_tensors(name, theirs, tmp_path):
    model, folder = theirs(name)
    ids_BS = ids_of(2, 12)
    ours = load_hf(folder).eval()
    want = model(ids_BS).logits
    assert want.std() > 0.1
    close(ours(ids_BS).logits_BSV, want)
    save_hf(ours, tmp_path / "ours", family_of(name))
    back, found = AutoModelForCausalLM.from_pretrained(
        tmp_path / "ours", attn_implementation="eager", output_loading_info=True
    )
    assert not any(found.values()), found
    close(back.eval()(ids_BS).logits, want)
    one, other = model.state_dict(), back.state_dict()
    assert list(one) == list(other) and all(torch.equal(one[key], other[key]) for key in one)
    one, other = (load_file(path / "model.safetensors") for path in (folder, tmp_path / "ours"))
    assert sorted(one) == sorted(other) and all(torch.equal(one[key], other[key]) for key in one)


@pytest.mark.parametrize("name", THEIRS)
def test_every_gradient_of_a_family_is_theirs(name, theirs):
    """Gradients take the weights' places, so that a checkpoint's layout says which of ours is which of theirs."""
    model, folder = theirs(name)
    ours, model, ids_BS = load_hf(folder).eval().double(), model.double(), ids_of(2, 12)
    for each, logits_BSV in ((model, model(ids_BS).logits), (ours, ours(ids_BS).logits_BSV)):
        logits_BSV.log_softmax(-1)[..., 3].mean().backward()
        for parameter in each.parameters():
            parameter.data = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
    model.save_pretrained(folder)
    one, other = load_file(folder / "model.safetensors"), to_hf(ours, family_of(name))[1]
    assert sorted(one) == sorted(other)
    assert max(float(tensor.abs().max()) for tensor in one.values()) > 0.01
    within = 2e-6  # their norms, angles and softmax stay float32: one entry of one family is 1.3e-6 apart
    for key in one:
        torch.testing.assert_close(
            other[key].detach(), one[key], rtol=1e-5, atol=within, msg=lambda text, key=key: key + text
        )


HEADS = {"num_heads": 4, "num_kv_heads": 2, "head_dim": 4}
MIXER = Attention(**HEADS)
NORMED = Attention(**HEADS, qk_norm="head")
FULL = Attention(**HEADS, qk_norm="full")
MLA = LatentAttention(num_heads=2, kv_lora_rank=8, qk_nope_dim=4, qk_rope_dim=4, v_dim=4, q_lora_rank=5)
EXPERTS = {"num_experts": 4, "top_k": 2, "d_expert": 8}


def with_layers(*pairs):
    return make_arch(layers=tuple(LayerGroup(num_layers=n, mixer=mixer, ffn=ffn) for n, mixer, ffn in pairs))


OURS = {
    "llama": (make_dense(), TopK()),
    "qwen3": (with_layers((2, NORMED, DenseFFN(d_ff=10))), TopK()),
    "mixtral": (make_arch(), TopK(noise=False, capacity_factor=1.0, score="softmax_after")),
    "qwen3_moe": (
        with_layers((1, NORMED, DenseFFN(d_ff=10)), (2, NORMED, MoE(**EXPERTS))),
        TopK(normalised=False),
    ),
    "olmoe": (with_layers((2, FULL, MoE(**EXPERTS))), TopK()),
    "deepseek_v3": (
        with_layers((1, MLA, DenseFFN(d_ff=10)), (2, MLA, MoE(**EXPERTS, num_shared_experts=1, d_shared=8))),
        TopK(score="sigmoid", scale=2.5, balanced_by_bias=True, num_groups=2, top_groups=1),
    ),
}


def make_ours(family, **router):
    torch.manual_seed(0)
    arch, base = OURS[family]
    model = build(
        arch, ModelConfig(router=replace(base, **router), init_std=0.2, rotary=Rotary(theta=300.0), norm_eps=1e-5)
    )
    for layer_router in model.routers.values():
        if hasattr(layer_router, "balance_bias_E"):
            layer_router.balance_bias_E.normal_(std=0.2)
    return model.eval()


@pytest.mark.parametrize("family", OURS)
@torch.no_grad()
def test_our_model_goes_out_and_comes_back_as_it_was(family, tmp_path):
    model, ids_BS = make_ours(family), ids_of(2, 12)
    save_hf(model, tmp_path / "out", family)
    want = model(ids_BS).logits_BSV
    back = AutoModelForCausalLM.from_pretrained(tmp_path / "out", attn_implementation="eager").eval()
    close(back(ids_BS).logits, want)
    again = load_hf(tmp_path / "out").eval()
    assert again.arch.layers == model.arch.layers
    one, other = model.state_dict(), again.state_dict()
    assert list(one) == list(other) and all(torch.equal(one[key], other[key]) for key in one)
    assert torch.equal(again(ids_BS).logits_BSV, want)


BROKEN = {
    "missing": "model.layers.1.block_sparse_moe.experts.3.w3.weight",
    "misshapen": "model.layers.0.self_attn.k_proj.weight",
    "misshapen expert": "model.layers.0.block_sparse_moe.experts.2.w2.weight",
    "unexpected": "model.layers.7.self_attn.q_proj.weight",
}


@pytest.mark.parametrize("how", BROKEN)
def test_a_tensor_that_does_not_fit_is_named_in_one_line(how, theirs):
    _, folder = theirs()
    state, name = load_file(folder / "model.safetensors"), BROKEN[how]
    if how == "missing":
        del state[name]
    else:
        state[name] = torch.zeros(3, 5)
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(InputError, match=name.replace(".", r"\.")) as error:
        load_hf(folder)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("family", "changes", "word"),
    [
        ("mixtral", {"normalised": False, "score": "softmax"}, "normalised"),
        ("mixtral", {"score": "sigmoid"}, "score"),
        ("mixtral", {"scale": 2.0}, "scale"),
        ("qwen3_moe", {"num_groups": 2}, "num_groups"),
        ("olmoe", {"balanced_by_bias": True}, "balance_bias_E"),
        ("olmoe", {"eval_capacity_factor": 1.5}, "eval_capacity_factor"),
        ("deepseek_v3", {"score": "softmax"}, "score"),
        ("deepseek_v3", {"group_score": "best"}, "group_score"),
        ("deepseek_v3", {"balanced_by_bias": False}, "balance_bias_E"),
    ],
)
def test_a_router_that_the_family_has_not_is_refused_by_name(family, changes, word, tmp_path):
    with pytest.raises(ConfigError, match=word):
        save_hf(make_ours(family, **changes), tmp_path / "out", family)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arch", "router", "family", "word"),
    [
        (make_arch(), Hash(), "mixtral", "kind"),
        (make_arch(MoE(**EXPERTS, router_bias=True)), TopK(), "mixtral", "router_bias"),
        (make_arch(MoE(**EXPERTS, expert_bias=True)), TopK(), "mixtral", "expert_bias"),
        (make_arch(MoE(**EXPERTS, d_latent=8)), TopK(), "mixtral", "d_latent"),
        (make_arch(MoE(**EXPERTS, num_shared_experts=1, d_shared=8)), TopK(), "mixtral", "shared"),
        (make_arch(MoE(**EXPERTS, gated=False)), TopK(), "mixtral", "gated"),
        (make_arch(), TopK(), "llama", "MoE"),
        (make_arch(PEER(num_keys=5, num_heads=2, top_k=3, d_key=4)), TopK(), "mixtral", "PEER"),
        (make_dense(), TopK(), "mixtral", "num_local_experts"),
        (with_layers((1, FULL, DenseFFN(d_ff=8))), TopK(), "llama", "qk_norm"),
        (with_layers((1, MLA, DenseFFN(d_ff=8))), TopK(), "llama", "LatentAttention"),
        (make_arch(norm="layernorm"), TopK(), "mixtral", "norm"),
    ],
)
def test_an_architecture_that_the_family_has_not_is_refused_by_name(arch, router, family, word):
    with pytest.raises(ConfigError, match=word) as error:
        to_hf(build(arch, ModelConfig(router=router)), family)
    assert "\n" not in str(error.value)


@torch.no_grad()
def test_a_noisy_router_goes_out_without_its_noise(tmp_path):
    model = build(make_arch(), ModelConfig(router=TopK(noise=True))).eval()
    save_hf(model, tmp_path / "out", "mixtral")
    back = load_hf(tmp_path / "out").eval()
    assert back.state_dict().keys() == {name for name in model.state_dict() if "noise" not in name}
    assert torch.equal(back(ids_of()).logits_BSV, model(ids_of()).logits_BSV)


@torch.no_grad()
def test_a_checkpoint_is_read_without_layers_that_predict_later_tokens_and_without_angles(theirs):
    model, folder = theirs("deepseek_v3")
    state = load_file(folder / "model.safetensors")
    state["model.layers.3.embed_tokens.weight"] = torch.zeros(24, 16)
    state["model.layers.0.self_attn.rotary_emb.inv_freq"] = torch.zeros(3)
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
    ours = load_hf(folder).eval()
    assert ours.arch.num_mtp_layers == 0
    close(ours(ids_of()).logits_BSV, model(ids_of()).logits)


def test_an_unknown_family_and_an_activation_without_a_name_are_refused(tmp_path):
    with pytest.raises(UnknownNameError, match="mixtral"):
        save_hf(make_ours("mixtral"), tmp_path, "mixtrall")
    with pytest.raises(ConfigError, match="gemma2 is counted but not converted; converted are llama, mistral"):
        save_hf(make_ours("mixtral"), tmp_path, "gemma2")
    with pytest.raises(ConfigError, match="activation"):
        save_hf(build(make_dense(), ModelConfig(activation="relu_squared")), tmp_path, "llama")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"rope_parameters": {"rope_type": "longrope", "rope_theta": 1e4, "factor": 4.0}}, "rope_type"),
        ({"rope_parameters": {"rope_type": "dynamic", "rope_theta": 1e4, "factor": 4.0}}, "rope_type"),
        ({"rope_parameters": {"rope_type": "yarn", "rope_theta": 1e4}}, "factor: must be given beside yarn"),
        ({"rope_parameters": {"rope_theta": 1e4, "mrope_section": [1, 1]}}, "mrope_section is not understood"),
        (
            {"rope_theta": 1e4, "rope_parameters": None, "rope_scaling": {"type": "linear", "factor": 0.5}},
            "factor",
        ),
        ({"hidden_act": "quick_gelu"}, "hidden_act"),
        ({"rms_norm_eps": None}, "rms_norm_eps"),
        ({"rope_parameters": None}, "rope_theta"),
        ({"partial_rotary_factor": 0.5}, "partial_rotary_factor"),
        ({"model_type": "phimoe"}, "counted but not converted"),
        ({"hidden_size": None}, "hidden_size"),
    ],
)
def test_a_configuration_that_asks_for_what_is_not_built_is_refused_by_name(fields, word, theirs):
    _, folder = theirs()
    config = json.loads((folder / "config.json").read_text()) | fields
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises((ConfigError, UnknownNameError), match=word) as error:
        load_hf(folder)
    assert "\n" not in str(error.value)


def test_the_shape_that_is_written_is_the_shape_that_is_counted():
    config, state = to_hf(make_ours("qwen3_moe"), "qwen3_moe")
    assert from_config(config, "tiny") == OURS["qwen3_moe"][0]
    assert len(state) == len({tensor.data_ptr() for tensor in state.values()})
