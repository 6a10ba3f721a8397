"""What computes a claim."""

import pytest

from optimoe.core.claims import Asked
from optimoe.core.errors import UnknownNameError
from optimoe.laws.published.computed import computed
from optimoe.laws.published.rounding import Digits

NONE = Digits({})


@pytest.mark.parametrize(
    ("asked", "value"),
    [
        (Asked(law="zhao2025", output="G_opt"), (7.2446 / 0.1577) ** 0.5),
        (Asked(compute="arithmetic", output="2 * d / w", inputs={"d": 2048, "w": 384}), 32 / 3),
        (
            Asked(
                law="hoffmann2022-flops",
                compute="ratio",
                output="C",
                inputs={"N": 1e9, "of": {"D": 2e9}, "to": {"D": 1e9}},
            ),
            2.0,
        ),
        (
            Asked(
                law="li2026-rstar",
                compute="quotient",
                output="C_expert",
                inputs={"over": "C_attention_standard", "n": 4096, "d": 512, "d_expert": 512, "E_routed": 64}
                | {"k": 2, "n_shared": 1},
            ),
            (2 * 512 * 64 + 6 * 512**2 * 3) / (8 * 512**2 + 4 * 4096 * 512),
        ),
        (Asked(law="zhao2025", compute="truncated", output="G_opt", inputs={"decimals": 1}), 6.7),
        (Asked(law="zhao2025", compute="rounding", output="G_opt"), (7.2446 / 0.1577) ** 0.5),
    ],
)
def test_a_claim_is_computed_by_name(asked, value):
    assert computed(asked, NONE) == pytest.approx((value, value))


def test_printed_digits_are_those_of_the_law_that_is_asked():
    asked = Asked(law="clark2022-hash", compute="rounding", output="N_cutoff")
    low, high = computed(asked, Digits({"clark2022-hash": {"c": "0.012"}, "clark2022-rlr": {"b": "-0.126"}}))
    assert low == pytest.approx(10 ** (0.136 / 0.0125))
    assert high == pytest.approx(10 ** (0.136 / 0.0115))


def test_an_unknown_computation_is_said():
    with pytest.raises(UnknownNameError, match="arithmetic"):
        computed(Asked(compute="arithmetics"), NONE)
