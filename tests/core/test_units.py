import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimoe.core.errors import InputError
from optimoe.core.units import (
    format_bytes,
    format_change,
    format_count,
    format_factor,
    format_plain,
    format_seconds,
    format_usd,
    parse_quantity,
)


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("1e22", "count", 1e22),
        ("70B", "count", 7e10),
        ("15T", "count", 1.5e13),
        ("0.5b", "count", 5e8),
        ("80GB", "bytes", 8e10),
        ("80GiB", "bytes", 80 * 2**30),
        ("24 gb", "bytes", 2.4e10),
        ("50ms", "seconds", 0.05),
        ("1us", "seconds", 1e-6),
        ("2s", "seconds", 2.0),
        ("3", "seconds", 3.0),
    ],
)
def test_what_people_type_is_read(text, kind, value):
    assert parse_quantity(text, kind) == pytest.approx(value, rel=1e-12)


@pytest.mark.parametrize("text", ["", "B", "70X", "1e", "ten", "1e400", "nan", "inf", "1 2", "0x10", "7B7"])
def test_what_is_no_quantity_is_refused_with_examples(text):
    with pytest.raises(InputError, match=r"examples|too large"):
        parse_quantity(text, "count")


@pytest.mark.parametrize(
    ("form", "kind"),
    [(format_count, "count"), (format_plain, "count"), (format_usd, "count"), (format_bytes, "bytes"),
     (format_seconds, "seconds")],
)  # fmt: skip
@given(value=st.floats(1e-12, 1e22))
def test_what_is_printed_reads_back_within_its_digits(form, kind, value):
    assert parse_quantity(form(value), kind) == pytest.approx(
        value, rel=0.006, abs=0.006 if form is format_usd else 0
    )


def test_every_unit_of_time_that_is_printed_is_read():
    scales = (1e-10, 1e-9, 1e-6, 1e-3, 1.0, 600.0, 7200.0, 86400.0)
    printed = {format_seconds(1.5 * scale).rpartition(" ")[2]: 1.5 * scale for scale in scales}
    assert set(printed) == {"s", "ns", "µs", "ms", "min", "h", "d"}
    for scale in scales:
        assert parse_quantity(format_seconds(1.5 * scale), "seconds") == pytest.approx(1.5 * scale)


def test_thousands_and_dollars_are_read_as_they_are_printed():
    assert parse_quantity("46,702,792,704") == 46_702_792_704
    assert parse_quantity("$1.24M") == 1_240_000
    for text, kind in (("1,23", "count"), ("1,2345", "count"), ("$5", "seconds"), ("$", "count"), ("٣", "count")):
        with pytest.raises(InputError, match="examples"):
            parse_quantity(text, kind)


def test_printed_quantities_carry_a_prefix_and_three_digits():
    assert format_count(46_702_792_704) == "46.7B"
    assert format_count(999_600_000) == "1.00B"
    assert format_count(6.56e22) == "6.56e22"
    assert format_bytes(131072) == "131 KB"
    assert format_seconds(0.0124) == "12.4 ms"
    assert format_seconds(86400 * 3.5) == "3.50 d"
    assert [format_seconds(s) for s in (599.0, 1740.0, 3.5 * 3600)] == ["599 s", "29.0 min", "3.50 h"]
    assert format_seconds(9.47e-8) == "94.7 ns"
    assert format_usd(1_240_000) == "$1.24M"
    assert format_usd(30.8e9) == "$30.8B"
    assert format_usd(0.4321) == "$0.43"
    assert format_usd(math.nan) == "–"


def test_a_factor_just_above_one_does_not_read_as_one():
    assert (format_factor(1.02), format_factor(1.54), format_factor(3.8)) == ("1.02×", "1.5×", "3.8×")


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan])
def test_a_number_that_is_none_is_a_dash_in_every_table(value):
    for shown in (format_count(value), format_bytes(value), format_seconds(value), format_change(value, 1.0)):
        assert shown == "–"


@pytest.mark.parametrize("text", ["500µs", "500μs", "500us"])
def test_microseconds_are_read_as_they_are_shown(text):
    assert parse_quantity(text, "seconds") == pytest.approx(5e-4)
