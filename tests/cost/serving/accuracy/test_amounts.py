import math

import pytest

from optimoe.core.config import load_facts
from optimoe.core.errors import ConfigError
from optimoe.cost.serving.accuracy.amounts import Width, assumed, base, beyond, both_ways, kernel_error, together


def test_independent_errors_add_as_squares_at_each_end():
    both = together(Width(down=0.3, up=0.0), Width(down=0.4, up=0.2))
    assert (both.down, both.up) == pytest.approx((0.5, 0.2))


def test_a_rate_falls_where_the_time_rises():
    width = Width(down=math.log(2), up=math.log(3))
    assert width.around(6.0) == pytest.approx((3.0, 18.0))
    assert width.around_inverse(6.0) == pytest.approx((2.0, 12.0))


def test_an_end_on_the_wrong_side_is_refused():
    with pytest.raises(ConfigError, match="up: must be zero or more"):
        Width(up=-0.1)


def test_each_doubling_beyond_the_measured_range_adds_as_much_again():
    one, three = beyond("requests", "tpot", 1), beyond("requests", "tpot", 3)
    assert three.up == pytest.approx(3 * one.up)
    assert one.up > 0


def test_every_amount_has_a_source_and_those_that_are_assumed_a_reason():
    table = load_facts("optimoe.cost", "bands.toml")
    assert table["source"]
    assert table["written"]
    assert all(row["why"] for row in table["assumed"].values())
    assert assumed("nodes").up == pytest.approx(math.log(3), rel=0.01)


def test_base_bands_hold_nine_tenths_and_are_no_wider_than_a_factor_of_four():
    for kind in ("tpot", "ttft", "e2e"):
        assert 0 < base(kind).down < math.log(4)
        assert 0 < base(kind).up < math.log(4)
    assert all(0 < kernel_error("architecture", "gemm", regime) < 1 for regime in ("launch", "memory", "compute"))
    assert both_ways(0.2) == Width(down=0.2, up=0.2)
