"""Where a number comes from."""

from optimoe.core.provenance import Basis, weakest


def test_a_combination_is_as_weak_as_its_weakest_part():
    assert weakest(Basis.MEASURED, Basis.ASSUMED, Basis.FITTED) is Basis.ASSUMED
    assert weakest(Basis.PUBLISHED, Basis.MEASURED) is Basis.PUBLISHED
