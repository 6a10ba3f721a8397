"""What engines leave of a GPU, held against what their logs print (shared reference, cases K5 to K16)."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.cost.cases import H100, LLAMA, MIXTRAL, machine

from optimoe.arch.catalog import find_model
from optimoe.core.errors import ConfigError
from optimoe.cost.engines.engine import find_engine
from optimoe.cost.engines.preset import engine_names, engine_preset
from optimoe.cost.engines.reserve import Reserve, room
from optimoe.cost.hardware.accelerator import find_accelerator
from optimoe.cost.layers.layout import Layout

GIB = 2**30
CHUNK_TOKENS = 8192


def left(model, tp=1, *, weights_gib, engine="vllm", share=0.0, gpu="h100-sxm"):
    """What an engine leaves beside weights as logged, GiB: by the most, usually, and by the least it takes."""
    found = room(
        engine_preset(engine).reserve,
        machine(Layout(tp=tp), find_accelerator(gpu)),
        find_model(model),
        chunk_tokens=CHUNK_TOKENS,
        weights=weights_gib * GIB,
        memory_share=share,
    )
    return [usable / GIB - weights_gib for usable in (found.usable_low, found.usable, found.usable_high)]


def test_the_warm_up_of_vllm_is_the_logits_that_it_sorts():
    """GiB in logs: Llama 3 (0.1M words) 4.8, Qwen3 5.6, gpt-oss 7.4; the same for 0.6B and 120B."""
    for model, printed in (("llama-3.1-8b", 4.8), ("qwen3-8b", 5.6), ("gpt-oss-120b", 7.4)):
        for tp in (1, 2):
            found = room(
                engine_preset("vllm").reserve,
                machine(Layout(tp=tp)),
                find_model(model),
                chunk_tokens=8192,
                weights=0.0,
            )
            assert found.warm_up / GIB == pytest.approx(printed, rel=0.03)


@pytest.mark.parametrize(
    ("case", "printed_gib"),
    [
        ({"model": "qwen3-235b-a22b", "tp": 4, "weights_gib": 55.04, "share": 0.90}, 8.02),
        ({"model": "qwen3-235b-a22b", "tp": 4, "weights_gib": 55.04, "share": 0.93, "engine": "sglang"}, 16.47),
        ({"model": "gpt-oss-120b", "weights_gib": 64.38, "share": 0.95}, 3.33),
        ({"model": "llama-3.1-70b", "weights_gib": 67.72}, -1.44),
        ({"model": "llama-3.1-405b", "tp": 8, "weights_gib": 57.75}, 4.77),
        ({"model": "llama-3.1-70b", "weights_gib": 67.72, "share": 0.98}, 6.74),
    ],
    ids=["K5", "K6", "K7", "K9", "K11", "K13"],
)
def test_the_room_for_the_cache_is_what_logs_print_or_within_its_band(case, printed_gib):
    low, usual, high = left(**case)
    assert abs(usual / printed_gib - 1) <= 0.15 or low <= printed_gib <= high
    # No false "it fits": the least room that is known is no more than what there was.
    assert low <= printed_gib * (1.01 if printed_gib > 0 else 0.99)


def test_kimi_k2_in_fp8_does_not_fit_eight_h200():
    low, usual, _ = left("kimi-k2", tp=8, weights_gib=120.1, gpu="h200-sxm")
    assert low < usual < 0


@pytest.mark.parametrize("name", engine_names())
@given(tp=st.sampled_from([1, 2, 4, 8]), share=st.floats(0.05, 0.9), weights=st.floats(0, 60e9))
def test_all_of_a_gpu_is_accounted_for(name, tp, share, weights):
    for stated in (0.0, share):
        found = room(
            engine_preset(name).reserve,
            machine(Layout(tp=tp)),
            MIXTRAL,
            chunk_tokens=CHUNK_TOKENS,
            weights=weights,
            memory_share=stated,
        )
        kept = found.warm_up + found.communicators + found.graphs + found.unplanned
        assert found.usable + kept == pytest.approx(found.visible) == pytest.approx(0.99 * H100.memory_bytes)
        assert found.usable_low <= found.usable <= found.usable_high


def test_an_engine_without_rules_has_nine_tenths_of_the_nominal_memory_less_a_chunk():
    found = room(Reserve(), machine(), LLAMA, chunk_tokens=1, weights=0.0)
    assert found.usable == pytest.approx(0.9 * H100.memory_bytes, rel=1e-5)
    assert found.usable_low == found.usable == found.usable_high


def test_small_gpus_and_a100_sample_fewer_requests_at_once():
    rules = engine_preset("vllm").reserve

    def warm_up(gpu):
        return room(rules, machine(gpu=gpu), LLAMA, chunk_tokens=256, weights=0.0).warm_up

    quarter = warm_up(H100) / 4
    for gpu in (replace(H100, memory_bytes=48e9), find_accelerator("a100-sxm")):
        assert warm_up(gpu) == pytest.approx(quarter, rel=0.02)


def test_the_share_of_tensorrt_is_of_what_weights_leave_free():
    def cache(weights):
        return (
            room(
                engine_preset("trtllm").reserve, machine(), LLAMA, chunk_tokens=CHUNK_TOKENS, weights=weights
            ).usable
            - weights
        )

    assert cache(0.0) - cache(10e9) == pytest.approx(0.9 * 10e9)


def test_sglang_keeps_more_outside_its_share_for_longer_chunks_and_larger_copies():
    rules = engine_preset("sglang").reserve

    def unplanned(tp, chunk):
        return room(rules, machine(Layout(tp=tp)), LLAMA, chunk_tokens=chunk, weights=0.0).unplanned

    assert unplanned(1, 4096) < unplanned(1, 8192) < unplanned(8, 8192)
    # Its own rule at 8,192 tokens on one GPU of 80 GB: 0.83 of the memory.
    assert 1 - unplanned(1, 8192) / (0.99 * H100.memory_bytes) == pytest.approx(0.83, abs=0.01)


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"memory_share": 1.2}, "memory_share: must be from 0 to 1, got 1.2"),
        ({"logit_bytes": (38.0, 14.0, 38.0)}, "logit_bytes: must be zero or more and finite, the least first"),
        ({"context_bytes": -1.0}, "context_bytes: must be zero or more and finite, got -1"),
    ],
)
def test_rules_out_of_their_limits_are_named(wrong, named):
    with pytest.raises(ConfigError, match=named):
        Reserve(**wrong)


def test_an_engine_of_ones_own_takes_what_the_default_one_does_unless_it_says_so(tmp_path):
    own = 'host = {front_s = 0.03}\nprefill_first = false\nkv_of = { fp8 = "fp8" }\nsource = "ours"\n'
    plain, stated = tmp_path / "plain.toml", tmp_path / "stated.toml"
    plain.write_text(own)
    stated.write_text(f"{own}[reserve]\nmemory_share = 0.7\n[pool]\nblock_tokens = 64\n")
    assert find_engine(str(plain)).reserve == engine_preset("vllm").reserve
    assert find_engine(str(stated)).reserve == Reserve(memory_share=0.7)
    assert find_engine(str(stated)).pool.block_tokens == 64
