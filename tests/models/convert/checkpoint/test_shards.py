"""Checkpoints in several files, their types, the memory that they take, and what goes with them."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedTokenizerFast

from optimoe.arch.parts import MoE
from optimoe.core.errors import ConfigError, InputError
from optimoe.models.config import ModelConfig
from optimoe.models.convert.checkpoint import shards
from optimoe.models.convert.hf import from_hf, load_hf, save_hf, to_hf
from optimoe.models.decoder import build
from tests.models.build import ids_of, make_arch

INDEX = "model.safetensors.index.json"
ROUTED = "model.layers.1.mlp.gate.e_score_correction_bias"


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def stored(folder):
    """Every tensor of every file."""
    return {name: tensor for file in folder.glob("*.safetensors") for name, tensor in load_file(file).items()}


def saved(tmp_path, **options):
    model = build(make_arch(), ModelConfig())
    save_hf(model, tmp_path / "out", "mixtral", **options)
    return model, tmp_path / "out"


@pytest.mark.parametrize("family", ["deepseek_v3", "gpt_oss"])
@torch.no_grad()
def test_shards_come_in_and_go_out_as_theirs_do(family, theirs, tmp_path):
    model, folder = theirs(family, max_shard_size="10KB")
    want, out = model(ids_of()).logits, tmp_path / "out"
    ours = load_hf(folder).eval()
    torch.testing.assert_close(ours(ids_of()).logits_BSV, want, rtol=1e-5, atol=1e-5)
    save_hf(ours, out, family, max_shard_bytes=10_000)
    one, other = (json.loads((each / INDEX).read_text()) for each in (folder, out))
    assert one["metadata"]["total_size"] == other["metadata"]["total_size"]
    assert one["weight_map"].keys() == other["weight_map"].keys()
    files = sorted(path.name for path in out.glob("*.safetensors"))
    assert sorted(set(other["weight_map"].values())) == files and len(files) > 2
    for file in files:
        names = load_file(out / file)
        assert {name for name, place in other["weight_map"].items() if place == file} == names.keys()
        assert len(names) == 1 or sum(tensor.nbytes for tensor in names.values()) <= 10_000
    back, found = AutoModelForCausalLM.from_pretrained(out, output_loading_info=True)
    assert not any(found.values()), found
    assert all(torch.equal(tensor, model.state_dict()[name]) for name, tensor in back.state_dict().items())


def test_types_are_those_of_the_files_unless_told_and_a_bias_that_balances_stays_wide(theirs, tmp_path):
    _, folder = theirs("deepseek_v3")
    wide, narrow = load_hf(folder), load_hf(folder, torch.bfloat16)
    assert {tensor.dtype for tensor in wide.state_dict().values()} == {torch.float32}
    for name, tensor in narrow.state_dict().items():
        kind = torch.float32 if name.endswith("balance_bias_E") else torch.bfloat16
        assert tensor.dtype == kind and torch.equal(tensor, wide.state_dict()[name].to(kind)), name
    save_hf(wide, tmp_path / "out", "deepseek_v3", dtype=torch.bfloat16)
    config, want = to_hf(narrow, "deepseek_v3")
    assert json.loads((tmp_path / "out" / "config.json").read_text())["dtype"] == config["dtype"] == "bfloat16"
    found = stored(tmp_path / "out")
    assert found.keys() == want.keys() and found[ROUTED].dtype == torch.float32
    assert all(
        tensor.dtype == want[name].dtype and torch.equal(tensor, want[name]) for name, tensor in found.items()
    )
    mixed = {name: tensor.bfloat16() if "gate_proj" in name else tensor for name, tensor in stored(folder).items()}
    kinds = {
        tensor.dtype for tensor in from_hf(json.loads((folder / "config.json").read_text()), mixed).parameters()
    }
    assert kinds == {torch.float32}


@pytest.mark.parametrize("dtype", [torch.float8_e4m3fn, torch.int64])
def test_a_type_that_a_model_cannot_have_is_refused_by_name(dtype, tmp_path):
    _, folder = saved(tmp_path)
    with pytest.raises(ConfigError, match="dtype: must be of floating point with 16 bits"):
        load_hf(folder, dtype)
    with pytest.raises(ConfigError, match="dtype: must be of floating point with 16 bits"):
        saved(tmp_path, dtype=dtype)
    state = stored(folder) | {"model.norm.weight": torch.ones(16).to(dtype)}
    save_file(state, folder / "model.safetensors")
    with pytest.raises(ConfigError, match=r"model\.norm\.weight: must be of floating point with 16 bits"):
        load_hf(folder)


def peak_bytes(work):
    """Most bytes of tensors that work makes and holds at one time, as the allocator of the CPU counts them."""
    kinds = [torch.profiler.ProfilerActivity.CPU]
    with torch.profiler.profile(activities=kinds, profile_memory=True) as profile:
        made = work()
    events = profile.profiler.kineto_results.events()
    changes = sorted((event.start_ns(), event.nbytes()) for event in events if event.name() == "[memory]")
    held, most = 0, 0
    for _, change in changes:
        held += change
        most = max(most, held)
    return most, made


def test_memory_holds_one_shard_beside_a_model_that_is_written_and_no_second_copy_beside_one_that_is_read(
    tmp_path,
):
    model = build(make_arch(MoE(num_experts=16, top_k=2, d_expert=64), d_model=64), ModelConfig())
    sizes = [tensor.nbytes for tensor in model.state_dict().values()]
    shard = max(sizes)
    assert sum(sizes) > 3 * shard
    held, _ = peak_bytes(lambda: save_hf(model, tmp_path / "out", "mixtral", max_shard_bytes=shard))
    assert held < 1.1 * shard
    mapped = sum(file.stat().st_size for file in (tmp_path / "out").glob("*.safetensors"))  # read as they are used
    for dtype, share in ((None, 1), (torch.bfloat16, 0.5)):
        held, _ = peak_bytes(lambda dtype=dtype: load_hf(tmp_path / "out", dtype))
        assert share * sum(sizes) <= held - mapped < share * sum(sizes) + shard / 10


def moved(folder):
    """One shard holds a tensor of another, and the index does not know."""
    one, other = sorted(folder.glob("*.safetensors"))[:2]
    first, second = load_file(one), load_file(other)
    name = min(first)
    second[name] = first.pop(name)
    save_file(first, one)
    save_file(second, other)


def doubled(folder):
    one, other = sorted(folder.glob("*.safetensors"))[:2]
    save_file(load_file(one) | load_file(other), other)


def without_index(folder, then):
    (folder / INDEX).unlink()
    then(folder)


def indexed(folder, **fields):
    (folder / INDEX).write_text(json.dumps(json.loads((folder / INDEX).read_text()) | fields))


DAMAGES = {
    r"out: must hold \.safetensors files": lambda folder: [path.unlink() for path in folder.glob("*.safe*")],
    r"index\.json: lists model-00002-of-\d+\.safetensors, missing": lambda folder: min(
        folder.glob("model-00002*")
    ).unlink(),
    r"model-00007-of-00009\.safetensors unexpected beside model\.safetensors\.index": lambda folder: save_file(
        {"a": torch.zeros(1)}, folder / "model-00007-of-00009.safetensors"
    ),
    r"more unexpected beside model\.safetensors$": lambda folder: save_file(
        stored(folder), folder / "model.safetensors"
    ),
    r"model-00001-of-\d+\.safetensors: \S+ missing, which the index places there": moved,
    r"model-00002-of-\d+\.safetensors: \S+ stands in model-00001-of": doubled,
    r"\d\.safetensors: \S+ stands in model-00001-of": lambda folder: without_index(folder, doubled),
    r"weight_map: must be of names of files beside it, got '\.\./x": lambda folder: indexed(
        folder, weight_map={"a": "../x.safetensors"}
    ),
    r"weight_map must be an object": lambda folder: indexed(folder, weight_map=[]),
    r"index\.json: not JSON": lambda folder: (folder / INDEX).write_text("{"),
    r"model-00002-of-\d+\.safetensors: cannot be read": lambda folder: min(
        folder.glob("model-00002*")
    ).write_bytes(min(folder.glob("model-00002*")).read_bytes()[:-1]),
    r"model-00001-of-\d+\.safetensors: cannot be read": lambda folder: min(
        folder.glob("model-00001*")
    ).write_bytes(b"{"),
}


@pytest.mark.parametrize("line", DAMAGES)
def test_a_folder_that_is_no_whole_checkpoint_is_refused_in_one_line(line, tmp_path):
    _, folder = saved(tmp_path, max_shard_bytes=5_000)
    DAMAGES[line](folder)
    with pytest.raises(InputError, match=line) as error:
        load_hf(folder)
    assert "\n" not in str(error.value)


def test_a_model_is_read_onto_the_default_device(tmp_path):
    model, folder = saved(tmp_path)
    with torch.device("meta"):
        again = load_hf(folder)
    assert all(tensor.is_meta for tensor in again.state_dict().values())
    assert again.state_dict().keys() == model.state_dict().keys()


def test_files_without_an_index_are_all_read(tmp_path):
    model, folder = saved(tmp_path, max_shard_bytes=5_000)
    (folder / INDEX).unlink()
    again = load_hf(folder).state_dict()
    assert all(torch.equal(tensor, again[name]) for name, tensor in model.state_dict().items())


@pytest.mark.parametrize(("before", "after"), [(3_000, 5_000), (3_000, 1e9), (1e9, 3_000)])
def test_no_file_of_an_older_checkpoint_remains_and_what_else_is_there_does(before, after, tmp_path):
    _, folder = saved(tmp_path, max_shard_bytes=before)
    (folder / "README.md").write_text("kept")
    model, _ = saved(tmp_path, max_shard_bytes=after)
    (tmp_path / "fresh").mkdir()
    save_hf(model, tmp_path / "fresh" / "out", "mixtral", max_shard_bytes=after)
    assert contents(folder) == contents(tmp_path / "fresh" / "out") | {"README.md": b"kept"}


def test_a_write_that_fails_leaves_the_folder_as_it_was(tmp_path, monkeypatch):
    _, folder = saved(tmp_path, max_shard_bytes=5_000)
    before = contents(folder)
    save_one, move_one = shards.save_file, Path.replace

    def full(tensors, file, **options):
        if "00002" in file.name:
            raise OSError("no space left")
        save_one(tensors, file, **options)

    def stopped(path, place):
        if path.parent.name == "new" and "00002" in path.name:
            raise KeyboardInterrupt
        return move_one(path, place)

    for owner, name, failing in ((shards, "save_file", full), (Path, "replace", stopped)):
        with monkeypatch.context() as patch:
            patch.setattr(owner, name, failing)
            with pytest.raises(KeyboardInterrupt if owner is Path else InputError):
                saved(tmp_path, max_shard_bytes=3_000)
            if owner is shards:
                with pytest.raises(InputError, match="no space"):
                    save_hf(load_hf(folder), tmp_path / "new", "mixtral", max_shard_bytes=3_000)
        assert contents(folder) == before
        assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_file_in_the_place_of_the_folder_and_a_size_of_nothing_are_refused(tmp_path):
    (tmp_path / "out").write_text("a file")
    with pytest.raises(InputError, match="out: cannot be written"):
        saved(tmp_path)
    with pytest.raises(ConfigError, match="max_shard_bytes: must be positive"):
        saved(tmp_path, max_shard_bytes=0)


def make_tokenizer(folder):
    from tokenizers import Tokenizer, models, pre_tokenizers

    words = Tokenizer(models.WordLevel({"<s>": 0, "one": 1, "two": 2}, unk_token="<s>"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=words, bos_token="<s>", chat_template="{{ messages }}")
    tokenizer.save_pretrained(folder)
    (folder / "generation_config.json").write_text('{"eos_token_id": 2}')
    (folder / "model.safetensors").write_bytes(b"weights of another")


def test_a_tokenizer_goes_with_its_model_in_the_place_of_an_older_one(tmp_path):
    make_tokenizer(tmp_path / "source")
    (tmp_path / "out").mkdir()
    for name in ("vocab.json", "merges.txt", "notes.txt"):
        (tmp_path / "out" / name).write_text("older")
    _, folder = saved(tmp_path, tokenizer_from=tmp_path / "source")
    again = AutoTokenizer.from_pretrained(folder)
    assert again("one two one")["input_ids"] == [1, 2, 1] and again.chat_template == "{{ messages }}"
    found, source = contents(folder), contents(tmp_path / "source")
    assert found.pop("notes.txt") == b"older"
    assert found.keys() == source.keys() | {"config.json"}
    assert all(found[name] == text for name, text in source.items() if name != "model.safetensors")
    saved(tmp_path, tokenizer_from=folder)
    assert contents(folder).keys() == found.keys() | {"notes.txt"}


def test_a_folder_without_a_tokenizer_is_refused_by_name(tmp_path):
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "generation_config.json").write_text("{}")
    with pytest.raises(InputError, match=r"source: must hold the files of a tokenizer \(tokenizer\.json"):
        saved(tmp_path, tokenizer_from=tmp_path / "source")
    assert [path.name for path in tmp_path.iterdir()] == ["source"]
