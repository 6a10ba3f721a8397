"""Every output of the library has a unit."""

import pytest

from optimoe.laws.catalog import find_law, law_names
from optimoe.laws.prediction import unit_of
from optimoe.laws.rules.serving import ServingFacts


@pytest.mark.parametrize("name", law_names())
def test_every_output_of_a_law_has_a_unit(name):
    law = find_law(name)
    units = {symbol: unit_of(symbol, law.row.units) for symbol in law.outputs}
    assert isinstance(law, ServingFacts) or all(unit and unit != "-" for unit in units.values()), units


@pytest.mark.parametrize(
    ("law", "symbol", "unit"),
    [
        ("besiroglu2024", "L", "nats/token"),
        ("besiroglu2024", "N_opt", "parameters, with embeddings"),
        ("ludziejewski2025", "N_total", "parameters"),  # its N counts active ones
        ("krajewski2024-e64", "N_act_opt", "active parameters"),  # its N counts all
        ("krajewski2024-e64", "G_opt", "4 d / d_expert"),
        ("tian2025-el", "G_opt", "2 d / d_expert"),
        ("li2026-rstar", "C_attention", "FLOP per sequence and layer"),
        ("li2026-rstar", "C_crossing", "total training FLOP"),
        ("kaplan2020-frontier", "S_opt", "steps"),
        ("zhao2025", "S_opt", "shared/active experts"),
        ("sardana2024", "D_ratio", "a ratio"),
    ],
)
def test_an_output_is_counted_as_its_law_counts(law, symbol, unit):
    assert unit_of(symbol, find_law(law).row.units if law != "sardana2024" else {}) == unit


def test_a_name_that_ends_in_its_unit_says_it():
    assert unit_of("arithmetic_s", {}) == "seconds"
    assert unit_of("something", {"N": "parameters"}) == ""
