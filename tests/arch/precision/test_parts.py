"""Formats by part of a layer, with what is excepted and what scales cost."""

import pytest

from optimoe.arch.precision.parts import CheckpointPrecisions, LayerPrecisions
from optimoe.core.errors import ConfigError, UnknownNameError


def test_a_share_that_stays_plain_takes_two_bytes():
    layer = LayerPrecisions(attention="fp8", plain=(("attention", 0.25),), bits=(("attention", 8.0),))
    assert layer.bytes_per_value("attention") == 0.75 * 1 + 0.25 * 2
    assert layer.bytes_per_value("recurrent") == layer.bytes_per_value("attention")
    assert layer.bytes_per_value("routed_experts") == 2


def test_bits_with_scales_replace_the_format_s_own():
    layer = LayerPrecisions(routed_experts="int4", dense_ffn="int4", bits=(("routed_experts", 4 + 16 / 32),))
    assert layer.bytes_per_value("routed_experts_active") == (4 + 16 / 32) / 8
    assert layer.bytes_per_value("dense_ffn") == (4 + 16 / 128) / 8
    assert layer.bytes_per_value("norms") == 2


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: LayerPrecisions(attention="fp9"), UnknownNameError, "fp8"),
        (lambda: CheckpointPrecisions(kv_cache="fp9"), UnknownNameError, "fp8"),
        (lambda: LayerPrecisions(plain=(("norms", 0.5),)), UnknownNameError, "part"),
        (lambda: LayerPrecisions(plain=(("router", 1.5),)), ConfigError, "plain"),
        (lambda: LayerPrecisions(bits=(("router", 0.0),)), ConfigError, "bits"),
    ],
)
def test_what_is_out_of_limits_names_its_field(make, error, words):
    with pytest.raises(error, match=words):
        make()
