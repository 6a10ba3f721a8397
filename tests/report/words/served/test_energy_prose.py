"""Energy is said with what it counts, or that it is not known."""

import math
from dataclasses import replace

from optimoe.cost.hardware.accelerator import find_accelerator
from optimoe.report.words.served.energy_prose import Energy, energy_words

H100 = find_accelerator("h100-sxm")


def test_energies_stand_beside_each_other_with_the_boards_that_take_them():
    both = [Energy(kwh=12_345.6, of="to train", gpu=H100), Energy(kwh=0.01166, of="per M output tokens", gpu=H100)]
    assert energy_words(both) == (
        "12,346 kWh to train · 0.0117 kWh per M output tokens: "
        "boards at their limit (h100-sxm 700 W), PUE 1.58, hosts left out"
    )


def test_where_no_power_is_known_it_is_said():
    odd = replace(H100, name="odd", power_w=0.0)
    unknown = Energy(kwh=math.nan, of="per M output tokens", gpu=odd)
    words = "no kWh per M output tokens: the board power of odd is not known"
    assert energy_words([unknown]) == words
    assert energy_words([Energy(kwh=1.0, of="to train", gpu=H100), unknown]).startswith(
        f"1 kWh to train · {words}: "
    )
