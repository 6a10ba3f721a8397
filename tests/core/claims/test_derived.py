"""What other numbers of a text give, within their rounding."""

import pytest

from optimoe.core.claims import DerivedRow, derive
from optimoe.core.errors import ConfigError, UnknownNameError


def test_ends_are_those_of_all_numbers_that_round_to_the_printed_ones():
    row = DerivedRow(words="w", formula="k * a / b", printed={"a": "6.0", "b": "2"}, exact={"k": 10.0})
    assert derive(row).ours == (pytest.approx(10 * 5.95 / 2.5), pytest.approx(10 * 6.05 / 1.5))


def test_exact_numbers_alone_give_one_number():
    assert derive(DerivedRow(words="w", formula="a ** 3", exact={"a": 2.0})).ours == (8.0, 8.0)


def test_a_derivation_names_numbers_and_where_they_stand():
    with pytest.raises(ConfigError, match="words: must be given"):
        DerivedRow(words=" ", formula="a", exact={"a": 1.0})
    with pytest.raises(ConfigError, match="printed: must be"):
        DerivedRow(words="w", formula="3")
    with pytest.raises(UnknownNameError):
        derive(DerivedRow(words="w", formula="a + c", exact={"a": 1.0}))
