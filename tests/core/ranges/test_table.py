from optimoe.core.ranges import RANGES


def test_every_range_has_a_reason_and_is_wide():
    for name, limits in RANGES.items():
        assert 0 <= limits.low < limits.high, name
        assert len(limits.why.split()) >= 3, name
