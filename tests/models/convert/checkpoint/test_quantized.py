"""Quantised checkpoints: numbers element by element, and transformers' own meaning of scales."""

import json
from itertools import product

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers.integrations.finegrained_fp8 import _dequantize_fp8_weight
from transformers.integrations.mxfp4 import convert_moe_packed_tensors

from optimoe.core.errors import InputError
from optimoe.models.convert.hf import from_hf, load_hf, save_hf
from tests.models.convert import families

FP8 = {"quant_method": "fp8", "fmt": "e4m3", "activation_scheme": "dynamic", "weight_block_size": [128, 128]}
WIDE = {"hidden_size": 160, "intermediate_size": 272, "moe_intermediate_size": 128, "num_hidden_layers": 2}
PLAIN = ("embed_tokens", "lm_head", "gate.weight", "norm", "bias")
"""What DeepSeek-V3 does not quantise."""


@pytest.fixture
def rewritten(theirs, monkeypatch):
    """A checkpoint of theirs with other tensors and fields: its folder, configuration and tensors before."""

    def make(family, widths, quantization, change):
        monkeypatch.setitem(families.THEIRS, family, families.THEIRS[family] | widths)
        _, folder = theirs(family)
        file = folder / "model.safetensors"
        config, state = json.loads((folder / "config.json").read_text()), load_file(file)
        (folder / "config.json").write_text(json.dumps(config | {"quantization_config": quantization}))
        save_file({new: part for name, tensor in state.items() for new, part in change(name, tensor)}, file)
        return folder, config, state

    return make


def blocks_of(tensor):
    """The blocks of a matrix, those at the edges smaller: where they are, by row and by column of blocks."""
    rows, columns = (range(-(-width // 128)) for width in tensor.shape)
    for row, column in product(rows, columns):
        yield row, column, (slice(128 * row, 128 * row + 128), slice(128 * column, 128 * column + 128))


def in_fp8(name, tensor):
    """A matrix as DeepSeek-V3 stores it: each block's largest number becomes 448."""
    if any(word in name for word in PLAIN):
        return [(name, tensor)]
    scales = torch.empty(*(-(-width // 128) for width in tensor.shape))
    stored = torch.empty_like(tensor, dtype=torch.float8_e4m3fn)
    for row, column, place in blocks_of(tensor):
        scales[row, column] = tensor[place].abs().max() / 448
        stored[place] = (tensor[place] / scales[row, column]).to(stored.dtype)
    return [(name, stored), (name + "_scale_inv", scales)]


def test_fp8_in_blocks_is_read_as_its_numbers_times_the_scales_of_their_blocks(rewritten, tmp_path):
    folder, config, before = rewritten("deepseek_v3", WIDE, FP8, in_fp8)
    stored = load_file(folder / "model.safetensors")
    plain = {}
    for name, tensor in before.items():
        plain[name] = stored[name].float()
        if (scales := stored.get(name + "_scale_inv")) is not None:
            for row, column, place in blocks_of(tensor):
                plain[name][place] *= scales[row, column]
            torch.testing.assert_close(plain[name], tensor, rtol=0.07, atol=0.01)
            theirs = _dequantize_fp8_weight(stored[name], scales, [128, 128], torch.float32)
            assert torch.equal(plain[name], theirs)
    assert any(tensor.shape == (272, 160) and name + "_scale_inv" in stored for name, tensor in before.items())
    for dtype in (torch.float32, torch.bfloat16):
        one, other = load_hf(folder, dtype), from_hf(config, plain, dtype)
        assert one.arch == other.arch
        assert all(torch.equal(tensor, other.state_dict()[name]) for name, tensor in one.state_dict().items())
    kinds = {name: tensor.dtype for name, tensor in load_hf(folder).state_dict().items()}
    assert kinds["blocks.0.ffn.w_in.weight"] == kinds["blocks.1.ffn.experts.w_out"] == torch.bfloat16
    assert kinds["blocks.1.ffn.router.weight"] == kinds["norm.weight"] == torch.float32
    save_hf(one, tmp_path / "plain", "deepseek_v3")
    again = load_hf(tmp_path / "plain").state_dict()
    assert all(torch.equal(tensor, again[name]) for name, tensor in one.state_dict().items())


def in_mxfp4(name, tensor):
    """Experts of gpt-oss in random bytes and exponents."""
    if not name.endswith(("gate_up_proj", "down_proj")):
        return [(name, tensor)]
    experts, inputs, outputs = tensor.shape
    blocks = torch.randint(0, 256, (experts, outputs, inputs // 32, 16), dtype=torch.uint8)
    scales = torch.randint(120, 130, (experts, outputs, inputs // 32), dtype=torch.uint8)
    return [(name + "_blocks", blocks), (name + "_scales", scales)]


def test_mxfp4_is_read_as_transformers_reads_it(rewritten):
    widths = {"hidden_size": 64, "intermediate_size": 32}
    folder, config, plain = rewritten("gpt_oss", widths, {"quant_method": "mxfp4"}, in_mxfp4)
    stored = load_file(folder / "model.safetensors")
    for name in plain.keys() - stored.keys():
        plain[name] = convert_moe_packed_tensors(
            stored[name + "_blocks"], stored[name + "_scales"], dtype=torch.float32
        )
        assert plain[name].unique().numel() > 50
    for dtype in (torch.float32, torch.bfloat16):
        one, other = load_hf(folder, dtype).state_dict(), from_hf(config, plain, dtype).state_dict()
        assert all(torch.equal(tensor, other[name]) for name, tensor in one.items())


DOWN = "model.layers.0.mlp.down_proj.weight"
BROKEN = {
    r"scale_inv: must be of floating point and of shape \(2, 3\), got torch\.float32 of shape \(1, 3\)": (
        {DOWN + "_scale_inv": torch.ones(1, 3)}
    ),
    r"scale_inv: must be of floating point and of shape \(2, 3\), got torch\.uint8": (
        {DOWN + "_scale_inv": torch.ones(2, 3, dtype=torch.uint8)}
    ),
    r"down_proj\.weight_scale_inv missing beside what it scales": {DOWN + "_scale_inv": None},
    r"down_proj\.weight: must be a matrix of float8_e4m3fn, got torch\.float32": {DOWN: torch.ones(160, 272)},
    r"checkpoint: model\.layers\.0\.mlp\.down_proj\.weight missing": {DOWN: None},
}


@pytest.mark.parametrize("line", BROKEN)
def test_scales_that_do_not_fit_are_refused_by_name(line, rewritten):
    folder, *_ = rewritten("deepseek_v3", WIDE, FP8, in_fp8)
    state = load_file(folder / "model.safetensors") | BROKEN[line]
    save_file({name: tensor for name, tensor in state.items() if tensor is not None}, folder / "model.safetensors")
    with pytest.raises(InputError, match=line):
        load_hf(folder)


@pytest.mark.parametrize(
    ("stated", "line"),
    [
        ({"quant_method": "awq", "bits": 4}, "quant_method must be fp8 or mxfp4, got awq"),
        ({"config_groups": {}}, "quant_method must be fp8 or mxfp4, got None"),
        ({"quant_method": "fp8"}, "weight_block_size: must be rows and columns of a block"),
        (FP8 | {"weight_block_size": [128, 0]}, r"weight_block_size: must be .*, got \[128, 0\]"),
    ],
)
def test_another_method_is_refused_by_name(stated, line, rewritten):
    folder, *_ = rewritten("llama", {}, stated, lambda name, tensor: [(name, tensor)])
    with pytest.raises(InputError, match=line):
        load_hf(folder)
    (folder / "hf_quant_config.json").write_text("{}")
    with pytest.raises(InputError, match=r"hf_quant_config\.json: must be left out"):
        load_hf(folder)
