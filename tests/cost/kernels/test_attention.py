import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimoe.arch.mixers.attended import attended
from optimoe.cost.kernels.attention import decode_attention_s
from optimoe.cost.kernels.calls import DecodeAttention, LatentDecodeAttention
from tests.cost.kernels.shapes import A100, B200, H100, US, decode, prefill

GPUS = st.sampled_from([H100, A100, B200])


@pytest.mark.parametrize(
    ("call", "measured_s"),
    [(prefill(H100, 1, 8192, 8193 / 2), 788 * US), (decode(H100, 16, 8192), 186 * US)],
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


def test_grouped_heads_and_latents_of_as_many_values_and_flops_take_as_long():
    seen = np.array([512.0, 8192.0])
    grouped = DecodeAttention(requests=16, num_heads=32, num_kv_heads=8, head_dim=128, seen=seen)
    latent = LatentDecodeAttention(requests=16, values=2 * 8 * 128, score_flops=4 * 32 * 128 * seen, seen=seen)
    one, other = (decode_attention_s(H100, "fp8", call).total_s for call in (grouped, latent))
    assert one.tolist() == other.tolist()
