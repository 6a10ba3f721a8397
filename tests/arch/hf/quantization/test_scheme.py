"""Bits of a matrix with its scales."""

from optimoe.arch.hf.quantization.scheme import NVFP4, fp8_blocks, grouped_integers


def test_blocks_at_the_edge_have_a_scale_too():
    assert fp8_blocks(128, 128).bits(129, 300) == 8 * 129 * 300 + 32 * 2 * 3


def test_groups_have_scale_zero_and_indices():
    scheme = grouped_integers(4, 32, zeros=True, indices=True)
    assert scheme.bits(10, 64) == 4 * 640 + (16 + 4) * 10 * 2 + 32 * 64
    assert grouped_integers(4, -1, zeros=False).bits(10, 64) == 4 * 640 + 16 * 10


def test_nvfp4_has_an_fp8_scale_for_sixteen_values():
    assert NVFP4.bits(16, 32) == 16 * 32 * 4.5 + 64
