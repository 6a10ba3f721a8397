"""``optimoe arch``: counts, columns, and files that are no model."""

import json
import subprocess
import sys

import pytest

from tests.app.run import MIXTRAL, answer, optimoe
from tests.arch.checkpoint.files import write_tensors
from tests.arch.small_configs import small_config


@pytest.fixture
def mixtral(tmp_path):
    path = tmp_path / "config.json"
    path.write_text(json.dumps(MIXTRAL))
    return path


def test_mixtral_is_counted_exactly(mixtral):
    record = answer("arch", mixtral)
    assert record["params_total"] == 46_702_792_704
    assert record["params_active"] == 12_879_925_248
    assert record["kv_bytes_per_token"] == 131_072
    assert record["sparsity"] == 0.75
    assert set(record["flops_per_token"]) == {"prefill", "decode", "train"}
    assert {"parts", "granularity", "params_nonembedding", "expert_attention_flops_ratio"} <= set(record)


def test_weights_have_bytes_and_formats_by_part_as_stated_or_as_the_checkpoint_says(mixtral):
    own = answer("arch", "gpt-oss-20b")
    assert own["weight_formats"]["routed_experts"] == ["mxfp4"]
    assert own["weight_formats"]["attention"] == ["bf16"]
    assert (own["precision"], own["precision_source"]) == ("mxfp4", "quantization_config")
    assert (
        sum(own["weight_parts"].values()) == pytest.approx(own["weight_bytes"]) == pytest.approx(13.76e9, rel=1e-3)
    )
    stated = answer(
        "arch", mixtral, "--precision", "fp8", "--expert-precision", "nvfp4", "--head-precision", "fp8"
    )
    assert stated["weight_formats"]["routed_experts"] == ["nvfp4"]
    assert stated["weight_formats"]["attention"] == stated["weight_formats"]["unembedding"] == ["fp8"]
    assert stated["weight_formats"]["embedding"] == stated["weight_formats"]["router"] == ["bf16"]
    assert stated["precision_source"] == "stated"


def test_a_name_that_says_quantised_is_warned_of_where_its_file_does_not(tmp_path):
    folder = tmp_path / "Mixtral-8x7B-NVFP4"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(MIXTRAL))
    counted = answer("arch", folder)
    assert counted["warning"].startswith("the name says NVFP4")
    done = optimoe("cost", folder, "--gpus", "2xh200-sxm", "--concurrency", 4, "--json")
    assert json.loads(done.stdout)["precision_warning"] == counted["warning"]
    assert counted["warning"] in done.stderr
    (folder / "hf_quant_config.json").write_text(json.dumps({"quantization": {"quant_algo": "NVFP4"}}))
    own = answer("arch", folder)
    assert "warning" not in own
    assert (own["precision"], own["precision_source"]) == ("nvfp4", "hf_quant_config.json")


def test_a_written_shape_of_a_quantised_model_says_that_it_has_no_formats(tmp_path):
    done = optimoe("arch", "gpt-oss-20b", "--hf", tmp_path)
    assert (
        done.stderr
        == "optimoe: --hf: config.json states the shape alone, without formats: it reads back in bf16\n"
    )
    assert answer("arch", tmp_path)["precision"] == "bf16"
    assert not optimoe("arch", "mixtral-8x7b", "--hf", tmp_path).stderr


def test_several_models_stand_side_by_side(mixtral):
    assert [m["name"] for m in answer("arch", "mixtral-8x22b", "llama-3.1-8b")["models"]] == [
        "mixtral-8x22b",
        "llama-3.1-8b",
    ]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{not json", "not JSON"),
        ("[1]", "JSON object"),
        ('{"model_type": "mixtral"}', "missing"),
        (json.dumps(MIXTRAL | {"num_experts_per_tok": 9}), "at most num_experts = 8, got 9"),
        (json.dumps(MIXTRAL | {"hidden_size": -4096}), "hidden_size"),
        (json.dumps(MIXTRAL | {"hidden_size": "4096"}), "hidden_size"),
    ],
)
def test_a_config_that_is_none_is_one_line_and_exit_2(content, words, tmp_path):
    path = tmp_path / "config.json"
    path.write_text(content)
    done = optimoe("arch", path)
    assert done.returncode == 2, done.stderr
    assert done.stderr.count("\n") == 1
    assert words in done.stderr


def test_an_unknown_type_is_refused_by_its_name_and_read_as_another_where_that_is_asked(tmp_path):
    path = tmp_path / "nobody.json"
    stated = {"hidden_act": "silu", "rms_norm_eps": 1e-5}
    path.write_text(json.dumps(small_config("llama") | stated | {"model_type": "nobody"}))
    done = optimoe("arch", path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "model_type: unknown name 'nobody' (nearest: llama, by its fields; --as llama" in done.stderr
    assert answer("arch", path, "--as", "llama")["arch"]["note"] == "nobody read as llama, as asked"
    assert "nobody read as llama, as asked" in optimoe("arch", path, "--as", "llama").stdout
    done = optimoe("cost", path, "--as", "llama", "--gpus", "1xh100-sxm")
    assert done.returncode == 0, done.stderr
    assert "nobody read as llama, as asked" in done.stderr
    done = optimoe("arch", "llama-3-8b", "--as", "llama")
    assert done.returncode == 2
    assert "--as: must be left out, every model_type is known" in done.stderr


def write_llama(folder, **stated):
    """A checkpoint of a small Llama: its configuration, and a file with nothing but its header."""
    config = {
        "model_type": "llama", "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2,
        "vocab_size": 128, "num_attention_heads": 4, "num_key_value_heads": 2, "tie_word_embeddings": True,
        "dtype": "bfloat16",
    }  # fmt: skip
    shapes = {"self_attn.q_proj": (64, 64), "self_attn.k_proj": (32, 64), "self_attn.v_proj": (32, 64)}
    shapes |= {"self_attn.o_proj": (64, 64), "mlp.gate_proj": (96, 64), "mlp.up_proj": (96, 64)}
    shapes |= {"mlp.down_proj": (64, 96), "input_layernorm": (64,), "post_attention_layernorm": (64,)}
    names = {f"model.layers.{layer}.{name}.weight": ("BF16", shapes[name]) for layer in (0, 1) for name in shapes}
    ends = {"model.embed_tokens.weight": ("BF16", (128, 64)), "model.norm.weight": ("BF16", (64,))}
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(config | stated))
    write_tensors(folder / "model.safetensors", ends | names)
    return folder


def test_a_checkpoint_is_counted_with_what_its_files_hold(tmp_path):
    folder = write_llama(tmp_path / "equal")
    files = answer("arch", folder)["files"]
    assert files["params"] == files["params_stated"] == answer("arch", folder)["params_total"]
    assert files["num_bytes"] == files["bytes_stated"] == 2 * files["params"] == files["types"]["BF16"]
    assert files["differences"] == [] and "mtp" not in files["parts"]
    said = optimoe("arch", folder).stdout
    assert "Files   20 tensors in 1 files, BF16" in said and "all is as the configuration says" in said
    assert "files" not in answer("arch", folder / "config.json")


def test_a_checkpoint_that_is_unlike_its_configuration_is_said_by_part_and_tensor(tmp_path):
    folder = write_llama(tmp_path / "unlike", num_key_value_heads=4, num_hidden_layers=3)
    record = answer("arch", folder)["files"]
    kinds = {(one["kind"], one["tensor"], tuple(one["layers"])) for one in record["differences"]}
    assert ("shape", "self_attn.k_proj.weight", (0, 1)) in kinds
    assert ("missing", "", (2,)) in kinds
    said = optimoe("arch", folder).stdout
    assert "not all is as the configuration says" in said
    assert "shape: self_attn.k_proj.weight of layers 0–1: (32, 64), stated (64, 64)" in said
    assert "missing: attention of layers 2, 16,384 parameters" in said
    side_by_side = optimoe("arch", folder, "mixtral-8x7b").stdout
    (row,) = [line for line in side_by_side.splitlines() if line.startswith("files")]
    assert row.split() == ["files", "unlike", "stated", "–"]


def test_a_broken_file_of_a_checkpoint_is_one_line(tmp_path):
    folder = write_llama(tmp_path / "broken")
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1])
    done = optimoe("arch", folder)
    assert done.returncode == 2 and done.stdout == ""
    assert "model.safetensors: cannot be read (must hold" in done.stderr and len(done.stderr.splitlines()) == 1


def test_headers_of_a_checkpoint_are_read_without_torch(tmp_path):
    folder = write_llama(tmp_path / "equal")
    code = (
        "import sys; from optimoe.app.main import app; "
        f"app(['arch', {str(folder)!r}, '--json'], result_action='return_value'); "
        "assert not {'torch', 'safetensors', 'transformers', 'scipy'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_any_model_is_counted_by_kind_of_module_as_transformers_builds_it(mixtral):
    pytest.importorskip("transformers", reason="needs transformers, of the extra dev")
    record = answer("arch", mixtral, "--via", "transformers")
    assert record["params_total"] == answer("arch", mixtral)["params_total"]
    assert record["modules"]["experts"] == 45_097_156_608
    assert any("active parameters" in words for words in record["untold"])
    done = optimoe("arch", mixtral, mixtral, "--via", "transformers")
    assert done.returncode == 2
    assert "--via: builds one model" in done.stderr
