import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimoe.arch.precision.formats import BITS_PER_VALUE
from optimoe.core.errors import UnknownNameError
from optimoe.cost.facts import operator_table
from optimoe.cost.hardware.accelerator import find_accelerator
from optimoe.cost.kernels.calls import RoutedExperts
from optimoe.cost.kernels.families.experts import expert_activations, expert_kind, experts_s
from tests.cost.kernels.shapes import A100, B200, H100, US, experts

L40S, RTX = find_accelerator("l40s"), find_accelerator("rtx-pro-6000")
GPUS = st.sampled_from([H100, A100, B200, L40S, RTX, find_accelerator("mi355x")])
WEIGHTS = st.sampled_from(["bf16", "fp8", "int8", "int4", "mxfp4", "nvfp4"])
ENGINES = st.sampled_from(["", "vllm", "sglang", "trtllm"])
SIZES = st.integers(1, 20_000)

GPT_OSS = {"d_model": 2880, "width": 2880, "num_experts": 128, "top_k": 4}
KIMI_TP8 = {"d_model": 7168, "width": 256, "num_experts": 384, "top_k": 8}
QWEN_235B = {"d_model": 4096, "width": 1536, "num_experts": 128, "top_k": 8}


@pytest.mark.parametrize(
    ("call", "measured_s"),
    [
        (experts(H100, "bf16", 2, 2, engine="vllm"), 255 * US),
        (experts(H100, "bf16", 64 * 2, 8, engine="vllm"), 964 * US),
        (experts(H100, "bf16", 8192 * 2, 8, engine="vllm"), 11399 * US),
    ],
)
def test_routed_experts_take_about_as_long_as_was_measured(call, measured_s):
    """Single calls out of ai-dynamo/aiconfigurator@095f58a, vLLM 0.19."""
    assert call.total_s == pytest.approx(measured_s, rel=0.25)


@pytest.mark.parametrize(
    ("gpu", "engine", "weights", "shape", "measured_us"),
    [
        ("h100-sxm", "vllm", "mxfp4", GPT_OSS, {8: 200.6, 64: 689.1}),
        ("h200-sxm", "sglang", "int4", KIMI_TP8, {8: 92.1, 64: 429.2}),
        ("a100-sxm", "sglang", "int4", KIMI_TP8 | {"num_experts": 256}, {8: 157.5, 64: 523.1}),
        ("l40s", "vllm", "mxfp4", GPT_OSS, {8: 662.3, 64: 2582.2}),
        ("b200-sxm", "vllm", "mxfp4", GPT_OSS, {8: 117.2, 64: 382.1}),
        ("b200-sxm", "trtllm", "mxfp4", GPT_OSS, {8: 83.1, 64: 274.6}),
        ("gb300", "sglang", "mxfp4", GPT_OSS, {8: 86.3, 64: 288.1}),
        ("b300-sxm", "sglang", "int4", KIMI_TP8, {8: 77.5, 64: 340.6}),
        ("b200-sxm", "sglang", "nvfp4", QWEN_235B, {8: 109.8, 64: 210.0}),
        ("b300-sxm", "vllm", "nvfp4", QWEN_235B, {8: 114.4, 64: 215.2}),
        ("rtx-pro-6000", "vllm", "nvfp4", QWEN_235B, {8: 526.1, 64: 989.5}),
    ],
)
def test_four_bit_experts_of_few_tokens_take_what_was_measured(gpu, engine, weights, shape, measured_us):
    """Balanced batches out of the newest tables of aiconfigurator-core 0.12: tokens to microseconds of a call.

    All read more than the last-level cache holds: calls were repeated on the same weights.
    """
    for tokens, measured in measured_us.items():
        pairs = tokens * shape["top_k"]
        call = RoutedExperts(pairs=pairs, distinct=min(pairs, shape["num_experts"]), moved_pairs=pairs, **shape)
        seconds = experts_s(find_accelerator(gpu), weights, call, engine=engine).total_s
        assert seconds == pytest.approx(measured * US, rel=0.25), (tokens, seconds / US)


@given(
    gpu=GPUS,
    weights=WEIGHTS,
    engine=ENGINES,
    pairs=SIZES,
    distinct=st.integers(1, 256),
    width=st.integers(64, 16_384),
    more=SIZES,
)
def test_experts_grow_with_what_they_do_and_stay_above_the_data_sheet(
    gpu, weights, engine, pairs, distinct, width, more
):
    def seconds(pairs=pairs, distinct=distinct, width=width, moved_pairs=pairs):
        shape = RoutedExperts(
            pairs=pairs,
            distinct=distinct,
            d_model=4096,
            width=width,
            num_experts=256,
            top_k=2,
            moved_pairs=moved_pairs,
        )
        return experts_s(gpu, weights, shape, engine=engine).total_s

    now, values = seconds(), 3 * 4096 * width
    assert now > BITS_PER_VALUE[weights] / 8 * values * distinct / gpu.memory_bytes_per_s
    assert now > 2 * values * pairs / max(gpu.peak_flops_per_s.values())
    assert seconds(pairs=pairs + more) > now
    assert seconds(distinct=distinct + 1) > now
    assert seconds(width=width + more) > now
    assert seconds(moved_pairs=pairs + more) > now


def test_rows_of_an_expert_are_padded_by_a_tile_that_fits_them():
    few, more, many = (experts(H100, "bf16", rows * 8, 8).compute_s for rows in (1, 2, 1000))
    assert few < more < 2 * few  # the smallest tile is most of both
    assert many < 500 * few  # and next to nothing of so many rows


@pytest.mark.parametrize("four_bit", ["int4", "mxfp4", "nvfp4"])
@pytest.mark.parametrize("gpu", [H100, A100, B200])
def test_four_bits_are_fewer_bytes_than_eight_and_no_more_arithmetic_than_sixteen(gpu, four_bit):
    def shares(weights):
        kind = expert_kind(gpu, weights)
        row = operator_table("experts")[kind].get(gpu.architecture, operator_table("experts")[kind]["other"])
        return row.get("memory_share", 1.0), row.get("compute_share", 1.0)

    ours, eight, bf16 = experts(gpu, four_bit, 8, 8), experts(gpu, "fp8", 8, 8), experts(gpu, "bf16", 8, 8)
    read = [call.memory_s * shares(name)[0] for call, name in ((ours, four_bit), (eight, "fp8"), (bf16, "bf16"))]
    assert read[0] < 0.6 * read[1] < 0.4 * read[2]


@pytest.mark.parametrize(
    ("gpu", "engine", "weights", "activations", "kind"),
    [
        (H100, "", "bf16", "auto", "bf16"),
        (H100, "", "fp32", "auto", "bf16"),
        (H100, "", "fp8", "auto", "fp8_block"),
        (H100, "", "int8", "auto", "fp8"),
        (H100, "", "mxfp4", "auto", "mxfp4"),
        (H100, "", "nvfp4", "auto", "int4"),
        (A100, "", "fp8", "auto", "int4"),
        (A100, "", "mxfp4", "auto", "int4"),
        (B200, "vllm", "mxfp4", "bf16", "mxfp4"),
        (B200, "vllm", "mxfp4", "fp8", "mxfp4_fp8"),
        (B200, "sglang", "mxfp4", "bf16", "mxfp4_fp8"),
        (B200, "trtllm", "mxfp4", "auto", "mxfp4_fp8"),
        (B200, "", "nvfp4", "auto", "nvfp4"),
        (B200, "", "nvfp4", "bf16", "int4"),
        (B200, "", "int4", "fp8", "mxfp4_fp8"),
    ],
)
def test_the_kernel_follows_from_weights_arithmetic_and_what_the_engine_does_by_itself(
    gpu, engine, weights, activations, kind
):
    assert expert_kind(gpu, weights, activations, engine) == kind


def test_an_engine_quantises_by_itself_only_what_enters_mxfp4():
    assert expert_activations(B200, "mxfp4", "bf16", "trtllm") == "fp8"
    assert expert_activations(B200, "bf16", "bf16", "trtllm") == "bf16"
    assert expert_activations(H100, "mxfp4", "bf16", "trtllm") == "bf16"


def test_weights_that_a_gpu_cannot_multiply_are_read_as_such_and_multiplied_in_bf16():
    few, many = (8, 8), (100_000, 8)
    assert experts(A100, "fp8", *few).memory_s < experts(A100, "bf16", *few).memory_s
    assert experts(A100, "fp8", *many).compute_s > 2 * 3 * 4096 * 14336 * 1e5 / A100.flops_per_s("bf16")
    with pytest.raises(UnknownNameError, match="fp7"):
        experts(A100, "fp7", 1, 1)
