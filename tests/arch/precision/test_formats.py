"""Bytes of one stored value."""

import pytest

from optimoe.arch.precision.formats import bytes_per_value
from optimoe.core.errors import UnknownNameError


@pytest.mark.parametrize(
    ("precision", "values", "scale_bytes"),
    [("fp8", 128 * 128, 4), ("int4", 128, 2), ("mxfp4", 32, 1), ("nvfp4", 16, 1)],
)
def test_a_format_carries_its_block_s_scale(precision, values, scale_bytes):
    bits = 8 if precision == "fp8" else 4
    assert bytes_per_value(precision) * values == values * bits / 8 + scale_bytes


def test_an_unknown_format_names_the_near_ones():
    with pytest.raises(UnknownNameError, match="fp8"):
        bytes_per_value("fp9")
