import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimoe.arch.mixers.attended import attended
from optimoe.cost.kernels.calls import DecodeAttention, LatentDecodeAttention
from optimoe.cost.kernels.families.attention import decode_attention_s, decode_kind
from tests.cost.kernels.shapes import A100, B200, H100, US, decode, prefill

GPUS = st.sampled_from([H100, A100, B200])


@pytest.mark.parametrize(
    ("call", "measured_s"),
    [(prefill(H100, 1, 8192, 8193 / 2, "vllm"), 788 * US), (decode(H100, 16, 8192), 186 * US)],
)
def test_attention_takes_about_as_long_as_was_measured(call, measured_s):
    """Single calls out of ai-dynamo/aiconfigurator@095f58a, vLLM 0.19."""
    assert call.total_s == pytest.approx(measured_s, rel=0.25)


@given(gpu=GPUS, batch=st.integers(1, 2000), context=st.integers(1, 100_000), more=st.integers(1, 20_000))
def test_attention_grows_with_batch_and_length_and_stays_above_the_data_sheet(gpu, batch, context, more):
    def prompt_s(length, window=2**62):
        return prefill(gpu, batch, length, attended(length, window, "prefill")).total_s

    now = decode(gpu, batch, context).total_s
    assert now > 2 * 2 * batch * 8 * 128 * context / gpu.memory_bytes_per_s
    assert decode(gpu, batch + more, context).total_s > now
    assert decode(gpu, batch, context + more).total_s > now
    assert prompt_s(context) > 2 * batch * 32 * 128 * context**2 / gpu.flops_per_s("bf16")
    assert prompt_s(context + more) > prompt_s(context)
    assert prompt_s(context, 512) <= prompt_s(context)


@pytest.mark.parametrize(
    ("gpu", "engine", "kv_precision", "measured_s"),
    [
        (H100, "sglang", "bf16", 119.6 * US),
        (H100, "trtllm", "fp8", 73.1 * US),
        (B200, "sglang", "bf16", 74.0 * US),
        (B200, "trtllm", "fp8", 37.3 * US),
    ],
)
def test_latent_attention_has_kernels_of_its_own(gpu, engine, kv_precision, measured_s):
    """32 requests of 8,192 tokens, 16 heads over DeepSeek's latents: operator tables of aiconfigurator-core."""
    seen = 8192.0
    latent = LatentDecodeAttention(requests=32, values=576, score_flops=2 * 16 * 1088 * seen, seen=seen)
    assert decode_attention_s(gpu, kv_precision, latent, engine=engine).total_s == pytest.approx(
        measured_s, rel=0.2
    )


@pytest.mark.parametrize(
    ("gpu", "engine", "kv_precision", "measured_s"),
    [
        (H100, "vllm", "fp8", 203.6 * US),
        (H100, "trtllm", "fp8", 183.5 * US),
        (B200, "vllm", "bf16", 157.3 * US),
        (B200, "trtllm", "fp8", 87.3 * US),
    ],
)
def test_a_cache_of_half_the_bits_takes_what_its_kernels_take(gpu, engine, kv_precision, measured_s):
    """32 requests of 8,192 tokens, 32 heads with 8 keys: operator tables of aiconfigurator-core."""
    shape = DecodeAttention(requests=32, num_heads=32, num_kv_heads=8, head_dim=128, seen=8192.0)
    assert decode_attention_s(gpu, kv_precision, shape, engine=engine).total_s == pytest.approx(
        measured_s, rel=0.2
    )


def test_caches_below_eight_bits_are_read_by_the_kernels_of_fp8():
    shape = DecodeAttention(requests=1, num_heads=8, num_kv_heads=8, head_dim=128, seen=1.0)
    latent = LatentDecodeAttention(requests=1, values=576, score_flops=1.0, seen=1.0)
    assert [decode_kind(kv, shape) for kv in ("bf16", "fp8", "nvfp4")] == ["bf16", "fp8", "fp8"]
    assert decode_kind("int8", latent) == "latent_fp8"
