from dataclasses import replace

import pytest

from optimoe.arch.catalog import find_model
from optimoe.cost.hardware.accelerator import find_accelerator
from optimoe.cost.kernels.calls import DecodeAttention, LatentDecodeAttention, PrefillAttention, Roofline
from optimoe.cost.layers.layout import Layout
from optimoe.cost.layers.machine import Machine
from optimoe.cost.layers.parts.mixers import decode_mixing, prefill_mixing, projections

CONTEXT = 4096
MODELS = ["mixtral-8x7b", "deepseek-v3", "glm-5", "qwen3-next-80b-a3b", "jamba-v0.1"]
MIXERS = [
    pytest.param(mixer, arch.d_model, id=f"{arch.name}-{type(mixer).__name__}")
    for arch in map(find_model, MODELS)
    for mixer in dict.fromkeys(group.mixer for group in arch.layers)
]


def machine(**degrees):
    return Machine(gpu=find_accelerator("h100-sxm"), layout=Layout(**degrees))


def shapes(kernels):
    return [kernel.shape for kernel in kernels]


@pytest.mark.parametrize(("mixer", "d_model"), MIXERS)
def test_the_projections_of_a_mixer_are_all_its_matrices(mixer, d_model):
    products = shapes(projections(mixer, machine(), d_model, 7))
    assert all(product.rows == 7 for product in products)
    assert sum(product.width * product.depth for product in products) == mixer.matrix_params(d_model)


@pytest.mark.parametrize(("mixer", "d_model"), MIXERS)
def test_decoding_scores_as_many_flops_as_arch_counts(mixer, d_model):
    counted = mixer.flops(d_model, CONTEXT, "decode", "absorbed")
    one_gpu, two_gpus = (shapes(decode_mixing(mixer, machine(tp=tp), d_model, 1, CONTEXT)) for tp in (1, 2))
    if mixer.recurrent:
        assert isinstance(one_gpu[-1], Roofline)
        assert one_gpu[-1].flops + 2 * mixer.matrix_params(d_model) == counted["recurrent"]
        assert two_gpus[-1].flops == one_gpu[-1].flops / 2
    else:
        assert one_gpu[-1].score_flops == counted["attention_scores"]
        assert two_gpus[-1].score_flops == one_gpu[-1].score_flops / 2


def test_absorbed_mla_has_no_head_width_and_its_latents_are_read_whole_by_every_gpu():
    mixer = find_model("deepseek-v3").layers[0].mixer
    alone, of_eight = (shapes(decode_mixing(mixer, machine(tp=tp), 7168, 1, CONTEXT)) for tp in (1, 8))
    for (call,) in (alone, of_eight):
        assert isinstance(call, LatentDecodeAttention)
        assert call.values == mixer.cache_values == 512 + 64
    (split,) = shapes(decode_mixing(mixer, machine(tp=8, sp=8), 7168, 1, CONTEXT))
    assert split.values == mixer.cache_values / 8


def test_an_indexer_reads_its_keys_before_attention_reads_what_it_selects():
    mixer = find_model("glm-5").layers[0].mixer
    index, attention = shapes(decode_mixing(mixer, machine(), 6144, 1, CONTEXT))
    assert (index.values, index.seen) == (mixer.indexer.head_dim, CONTEXT)
    assert attention.seen == mixer.indexer.top_k < CONTEXT
    takes_over = replace(mixer, indexer=None, selected_tokens=mixer.indexer.top_k)
    assert shapes(decode_mixing(takes_over, machine(), 6144, 1, CONTEXT)) == [attention]


def test_drafted_tokens_of_a_request_share_one_read_of_its_cache():
    mixer = find_model("mixtral-8x7b").layers[0].mixer
    (one,), (three,) = (shapes(decode_mixing(mixer, machine(), 4096, 1, CONTEXT, queries)) for queries in (1, 3))
    assert isinstance(one, DecodeAttention)
    assert (three.values, three.score_flops) == (one.values, 3 * one.score_flops)


def test_a_cached_prefix_leaves_its_own_scores_out():
    mixer = find_model("llama-3.1-8b").layers[0].mixer
    (whole,), (first,), (second,) = (
        shapes(prefill_mixing(mixer, machine(), 4096, length, past))
        for length, past in ((2000, 0), (1500, 0), (500, 1500))
    )
    assert isinstance(whole, PrefillAttention)
    assert 1500 * first.seen + 500 * second.seen == pytest.approx(2000 * whole.seen)


def test_heads_with_narrower_values_take_the_time_of_the_mean_width():
    narrow = replace(find_model("llama-3.1-8b").layers[0].mixer, head_dim=192, v_dim=128)
    equal = replace(narrow, head_dim=160, v_dim=0)
    calls = [list(shapes(decode_mixing(mixer, machine(), 4096, 1, CONTEXT))) for mixer in (narrow, equal)]
    assert calls[0] == calls[1]
    inward, outward = shapes(projections(narrow, machine(), 4096, 8))
    assert inward.width == 32 * 192 + 8 * (192 + 128)
    assert outward.depth == 32 * 128
