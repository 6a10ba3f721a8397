from dataclasses import replace

import numpy as np
import pytest

from optimoe.arch.catalog import find_model
from optimoe.arch.params import count_params
from optimoe.arch.precision.formats import bytes_per_value
from optimoe.arch.quantize import with_precision
from optimoe.cost.layers.layout import Layout
from optimoe.cost.layers.weights import layer_weights, padding_bytes, weights_per_gpu
from tests.cost import cases
from tests.cost.cases import LLAMA, MIXTRAL, machine

GIB = 2**30
DEEPSEEK, GPT_OSS = (arch.in_bf16 for arch in (cases.DEEPSEEK, cases.GPT_OSS))
MODELS = pytest.mark.parametrize("arch", [MIXTRAL, DEEPSEEK, LLAMA, GPT_OSS], ids=lambda arch: arch.name)


def held(arch, **degrees):
    return float(weights_per_gpu(machine(Layout(**degrees)), arch))


@MODELS
def test_one_gpu_holds_every_weight_once(arch):
    assert held(arch) == pytest.approx(2 * count_params(arch).total, rel=1e-12)


def test_weights_a_gpu_are_those_of_engine_logs():
    """Lines "model weights take" of vLLM, as people posted them: cases K9, K11 and K22."""
    qwen, small = find_model("qwen3-235b-a22b"), find_model("qwen3-30b-a3b")
    assert held(with_precision(find_model("llama-3.3-70b"), "fp8")) / GIB == pytest.approx(67.72, rel=1e-3)
    assert held(qwen, tp=8) / 1e9 == pytest.approx(59, abs=0.5)
    assert held(small, tp=4) / GIB == pytest.approx(14.2474, rel=1e-3)
    assert held(small) / GIB == pytest.approx(56.98, rel=2e-3)


def test_the_405b_in_fp8_weighs_what_its_makers_left_in_bf16_too():
    """K11: attention, first and last layer in bf16; 16 key-value heads, twice those that it was trained with."""
    arch = find_model("llama-3.1-405b")
    (group,) = with_precision(arch, "fp8", attention="bf16").layers
    group = replace(group, mixer=replace(group.mixer, num_kv_heads=16))
    plain = replace(group, num_layers=2, precisions=arch.layers[0].precisions)
    layers = (replace(group, num_layers=124), plain)
    assert held(replace(arch, layers=layers), tp=8) / GIB == pytest.approx(57.75, rel=2e-3)


@MODELS
@pytest.mark.parametrize("layout", [{"tp": 8}, {"tp": 4, "pp": 2}])
def test_the_gpus_of_a_copy_hold_every_weight_and_few_of_them_twice(arch, layout):
    total = 2 * count_params(arch).total
    stages = np.ceil(arch.num_layers / layout.get("pp", 1)) * layout.get("pp", 1) / arch.num_layers
    whole = 1.02  # routers, norms and latents on every GPU: below two hundredths of any of these models
    ends = 2 * 2 * count_params(arch).embedding  # stand in the first and last stage, and the fullest is counted
    assert total <= held(arch, **layout) * 8 <= total * stages * whole + ends * (layout.get("pp", 1) > 1)


def test_experts_are_divided_by_ep_and_attention_is_copied():
    """DeepSeek-V3 on 8 GPUs: an eighth of the routed experts each, everything else whole on every rank."""
    params = count_params(DEEPSEEK)
    rest = params.total - params.routed_experts
    assert held(DEEPSEEK, dp=8, ep=8) == pytest.approx(2 * (params.routed_experts / 8 + rest))
    half = held(DEEPSEEK, tp=8, ep=8) - held(DEEPSEEK, tp=8, ep=8, resident=0.5)
    assert half == pytest.approx(2 * params.routed_experts / 16)


def test_no_more_gpus_split_key_value_projections_than_there_are_heads():
    group = LLAMA.layers[0]
    four, eight, sixteen = (
        float(layer_weights(machine(Layout(tp=tp)), LLAMA, group)["attention"]) for tp in (4, 8, 16)
    )
    kv = 2 * 2 * 4096 * 1024  # bytes of both, 8 heads of 128
    assert (four / 2, sixteen) == (pytest.approx(eight), pytest.approx((eight - kv / 8) / 2 + kv / 8))


def test_routers_and_latents_are_whole_on_every_gpu():
    group = DEEPSEEK.layers[-1]
    one, eight = (layer_weights(machine(Layout(tp=tp)), DEEPSEEK, group) for tp in (1, 8))
    assert one["router"] == eight["router"] == 2 * 7168 * 256 + 2 * 256 * group.ffn.router_bias
    latents = 2 * 7168 * (1536 + 512 + 64)
    assert eight["attention"] == pytest.approx(latents + (one["attention"] - latents) / 8)
    assert one["norms"] == eight["norms"] > 0


@pytest.mark.parametrize("word", ["fp8", "int4", "nvfp4"])
def test_each_part_weighs_as_much_as_its_own_format_says(word):
    mixed = with_precision(MIXTRAL, experts=word, head="fp8")
    params = count_params(MIXTRAL)
    saved = (2 - bytes_per_value(word)) * params.routed_experts + (2 - bytes_per_value("fp8")) * params.unembedding
    assert held(MIXTRAL) - held(mixed) == pytest.approx(saved)


def test_exceptions_of_a_part_stay_bf16_and_stated_bits_count():
    (group,) = with_precision(LLAMA, "int4").layers
    plain = replace(group, precisions=replace(group.precisions, plain=(("dense_ffn", 0.5),)))
    wide = replace(group, precisions=replace(group.precisions, bits=(("dense_ffn", 4.5),)))
    one, half, more = (float(layer_weights(machine(), LLAMA, kind)["dense_ffn"]) for kind in (group, plain, wide))
    assert half == pytest.approx(one / 2 + 3 * 4096 * 14336)
    assert more == pytest.approx(4.5 / 8 * 3 * 4096 * 14336)


def test_a_grid_of_layouts_weighs_as_each_of_them():
    degrees = [(1, 8, 8), (2, 4, 8), (8, 1, 8)]
    tp, dp, ep = np.array(degrees).T
    grid = weights_per_gpu(machine(Layout(tp=tp, dp=dp, ep=ep)), DEEPSEEK)
    assert grid == pytest.approx([held(DEEPSEEK, tp=one, dp=two, ep=three) for one, two, three in degrees])


def test_experts_of_mxfp4_are_loaded_at_a_multiple_of_256():
    """gpt-oss-120b: 64.38 GiB in a log, 60.8 in its checkpoint; 2,880 becomes 3,072."""
    arch = find_model("gpt-oss-120b")
    one = machine(Layout())
    assert padding_bytes(one, arch) == pytest.approx(
        (3072 / 2880 - 1) * 36 * 128 * 3 * 2880**2 * 17 / 32, rel=0.01
    )
    assert (weights_per_gpu(one, arch) + padding_bytes(one, arch)) / 2**30 == pytest.approx(64.38, rel=0.01)
    assert padding_bytes(one, find_model("mixtral-8x7b")) == 0
