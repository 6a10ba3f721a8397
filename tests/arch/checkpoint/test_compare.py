"""The files of checkpoints hold what their configurations say, or it is said which tensors they hold otherwise."""

import json

import pytest

from optimoe.arch.checkpoint.compare import compare_stored, stored_model
from optimoe.arch.checkpoint.shards import read_headers
from optimoe.arch.hf import from_config, load_config
from tests.arch.checkpoint.files import write_tensors
from tests.arch.small_configs import MLA, SMALL, small_config

WIDE = {
    "hidden_size": 64,
    "head_dim": 32,
    "moe_intermediate_size": 64,
    "intermediate_size": 128,
    "mlp_only_layers": [],
}
BEFORE = "model.layers.{}."


def of_transformers(model_type, folder, **fields):
    """A checkpoint that ``transformers`` writes of a small model."""
    pytest.importorskip("torch", reason="needs torch, of the extra train")
    transformers = pytest.importorskip("transformers", reason="needs transformers, of the extra dev")
    from tests.arch.test_against_transformers import read

    config = small_config(model_type) | fields
    if "unpadded_vocab_size" in config:  # the class writes as many rows of both ends
        config["unpadded_vocab_size"] = config["vocab_size"]
    made = read(config)
    padding = getattr(made, "pad_token_id", None)
    if isinstance(padding, int) and padding >= config["vocab_size"]:
        made.pad_token_id = None  # the class's own, of which a small vocabulary has no row
    transformers.AutoModelForCausalLM.from_config(made).save_pretrained(folder, max_shard_size="400KB")
    written = json.loads((folder / "config.json").read_text())
    if model_type == "minimax":  # whose written layer types are of a later release than its family here
        written = config | {"dtype": "float32"}
    return written


@pytest.mark.parametrize("model_type", [*SMALL])
def test_a_checkpoint_of_transformers_holds_what_its_configuration_says(model_type, tmp_path):
    config = of_transformers(model_type, tmp_path)
    arch = from_config(config, "small")
    stored = stored_model(tmp_path, arch)
    later = {difference.part for difference in stored.differences}
    assert later == ({"mtp"} if arch.num_mtp_layers else set())  # which transformers leaves out
    for name, part in stored.parts.items():
        if name != "mtp":
            assert (part.params, part.num_bytes) == (part.params_stated, part.bytes_stated), name
            assert part.types == ("F32",)
    assert stored.params == stored.params_stated
    assert stored.num_bytes == sum(path.stat().st_size for path in tmp_path.glob("*.safetensors")) - sum(
        8 + int.from_bytes(path.read_bytes()[:8], "little") for path in tmp_path.glob("*.safetensors")
    )


def rewrite(folder, change):
    """The same tensors in one file, after a change of their types and shapes by name."""
    tensors = {name: (tensor.dtype, tensor.shape) for name, tensor in read_headers(folder).items()}
    for path in folder.glob("*.safetensors*"):
        path.unlink()
    write_tensors(folder / "model.safetensors", change(tensors) or tensors)


def found(folder, **stated):
    """The differences from a configuration with other fields, in the order of their tensors."""
    config = json.loads((folder / "config.json").read_text()) | stated
    (folder / "config.json").write_text(json.dumps(config))
    differences = stored_model(folder, load_config(folder)).differences
    return [(one.kind, one.part, one.tensor, one.layers, one.count, one.stated, one.found) for one in differences]


ALL = (0, 1, 2, 3)


@pytest.fixture
def qwen(tmp_path):
    of_transformers("qwen3_moe", tmp_path, mlp_only_layers=[])
    return tmp_path


def test_a_tensor_of_another_shape_is_named_with_its_layers(qwen):
    assert found(qwen, num_key_value_heads=4) == [
        ("shape", "attention", f"self_attn.{name}.weight", ALL, 4, "(96, 64)", "(48, 64)")
        for name in ("k_proj", "v_proj")
    ]


def test_experts_that_are_missing_are_counted(qwen):
    router = ("shape", "router", "mlp.gate.weight", ALL, 4, "(8, 64)", "(6, 64)")
    experts = [
        ("missing", "routed_experts", f"mlp.experts.*.{name}.weight", ALL, 8, shape, "")
        for name, shape in (("gate_proj", "(40, 64)"), ("up_proj", "(40, 64)"), ("down_proj", "(64, 40)"))
    ]
    assert sorted(found(qwen, num_experts=8, num_local_experts=8)) == sorted([router, *experts])


def test_a_layer_that_the_configuration_lacks_is_unexpected_and_one_that_the_files_lack_is_missing(qwen):
    kinds = {one[0] for one in found(qwen, num_hidden_layers=3)}
    names = {one[2] for one in found(qwen, num_hidden_layers=3)}
    assert kinds == {"unexpected"}
    assert {"model.layers.*.self_attn.q_proj.weight", "model.layers.*.mlp.experts.*.up_proj.weight"} <= names
    lacking = found(qwen, num_hidden_layers=5)
    assert {(one[0], one[3]) for one in lacking} == {("missing", (4,))}
    assert {one[1] for one in lacking} == {"attention", "norms", "router", "routed_experts"}


def test_a_bias_that_no_field_states_is_another_size_of_its_part(qwen):
    rewrite(qwen, lambda tensors: tensors | {"model.layers.2.self_attn.q_proj.bias": ("F32", (96,))})
    assert found(qwen) == [
        (
            *("size", "attention", "self_attn.k_norm.weight, self_attn.q_norm.weight, self_attn.q_proj.bias"),
            *((2,), 1, "18,480 parameters", "18,576 parameters"),
        )
    ]


def test_a_tensor_of_no_part_is_unexpected(qwen):
    rewrite(qwen, lambda tensors: tensors | {"value_head.weight": ("F32", (1, 64))})
    assert found(qwen) == [("unexpected", "", "value_head.weight", (), 1, "", "")]


def test_a_part_in_another_type_is_said_with_its_layers(qwen):
    def halved(tensors):
        return {
            name: ("F16", shape) if ".1.mlp.experts" in name else (dtype, shape)
            for name, (dtype, shape) in tensors.items()
        }

    rewrite(qwen, halved)
    assert found(qwen) == [("type", "routed_experts", "", (1,), 1, "F32", "F16")]
    assert {one[:2] for one in found(qwen, dtype="bfloat16")} >= {("type", "norms"), ("type", "embedding")}


def test_a_tied_embedding_that_is_stored_twice_and_other_modalities_are_no_parameters(tmp_path):
    of_transformers("gemma", tmp_path)
    extra = {
        "lm_head.weight": ("F32", (512, 64)),
        "model.vision_tower.encoder.layers.0.self_attn.q_proj.weight": ("F32", (8, 8)),
        "multi_modal_projector.linear.weight": ("F32", (4, 8)),
        "model.layers.0.self_attn.rotary_emb.inv_freq": ("F32", (12,)),
    }
    rewrite(tmp_path, lambda tensors: tensors | extra)
    stored = stored_model(tmp_path, load_config(tmp_path))
    assert stored.differences == () and stored.params == stored.params_stated
    assert stored.beside == {"copy": 4 * 512 * 64, "other": 4 * (64 + 32), "buffer": 48}
    assert [one[:3] for one in found(tmp_path, tie_word_embeddings=False)] == []  # then it is the unembedding


def test_an_unembedding_that_is_not_stored_is_missing_where_it_is_not_tied(tmp_path):
    of_transformers("gemma", tmp_path)
    assert found(tmp_path, tie_word_embeddings=False) == [
        ("missing", "unembedding", "", (), 1, "32,768 parameters", "")
    ]


def test_layers_that_predict_later_tokens_are_a_part_whose_copies_of_the_ends_are_none(tmp_path):
    config = small_config("deepseek_v3") | {"num_nextn_predict_layers": 1}
    arch = from_config(config, "small")
    of_transformers("deepseek_v3", tmp_path)
    own = {"eh_proj": (64, 128), "enorm": (64,), "hnorm": (64,), "shared_head.norm": (64,)}
    copies = {"embed_tokens": (512, 64), "shared_head.head": (512, 64)}

    def with_later(tensors):
        last, later = BEFORE.format(3), BEFORE.format(4)
        layer = {name.replace(last, later): kind for name, kind in tensors.items() if name.startswith(last)}
        ends = {f"{later}{name}.weight": ("F32", shape) for name, shape in (own | copies).items()}
        return tensors | layer | ends

    rewrite(tmp_path, with_later)
    stored = stored_model(tmp_path, arch)
    assert stored.differences == ()
    assert stored.parts["mtp"].params == stored.parts["mtp"].params_stated > 0
    assert stored.parts["mtp"].num_bytes == stored.parts["mtp"].bytes_stated
    assert stored.beside["copy"] == 2 * 4 * 512 * 64


def test_a_part_that_stayed_plain_although_its_format_is_stated_has_another_type(qwen):
    fp8 = {"quant_method": "fp8", "weight_block_size": [128, 128]}
    kinds = found(qwen, quantization_config=fp8)
    assert kinds == [("type", part, "", ALL, 4, "fp8", "F32") for part in ("attention", "routed_experts")]


def test_the_experts_of_a_whole_checkpoint_are_counted_one_by_one(tmp_path):
    arch = from_config(
        small_config("deepseek_v3") | MLA | {"n_routed_experts": 256, "num_hidden_layers": 21}, "v3"
    )
    tensors = {}
    for layer in range(1, 21):
        for expert in range(256):
            for name, shape in (("gate", (40, 64)), ("up", (40, 64)), ("down", (64, 40))):
                tensors[f"model.layers.{layer}.mlp.experts.{expert}.{name}_proj.weight"] = "F32", shape
    write_tensors(tmp_path / "model.safetensors", tensors)
    stored = compare_stored(arch, read_headers(tmp_path), "F32")
    assert stored.num_tensors == 15_360
    assert stored.parts["routed_experts"].params == stored.parts["routed_experts"].params_stated
    assert {one.part for one in stored.differences} >= {"attention", "embedding", "router"}
    assert all(one.part != "routed_experts" for one in stored.differences)
