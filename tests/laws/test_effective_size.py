"""What dense size a design is worth, law by law."""

from dataclasses import replace

import numpy as np
import pytest

from optimoe.arch.catalog import find_model
from optimoe.arch.design import dense_twin, with_num_experts
from optimoe.arch.params import count_params
from optimoe.laws.catalog import find_law
from optimoe.laws.effective_size import effective_size
from tests.laws.designs import DENSE, FINE, HALF, SHARED, SWITCH

TOKENS = 1e11
MIXTRAL = find_model("mixtral-8x7b")


@pytest.mark.parametrize(
    "name", ["optimoe2026", "ludziejewski2025", "abnar2025", "besiroglu2024", "clark2022-sbase-digits"]
)
def test_a_dense_model_is_worth_its_own_size(name):
    law = find_law(name)
    assert effective_size(law, DENSE, TOKENS).params == pytest.approx(law.size(DENSE), rel=1e-9)


@pytest.mark.parametrize("router", ["sbase", "rlr", "hash"])
def test_of_clarks_law_it_is_the_effective_parameter_count(router):
    law = find_law(f"clark2022-{router}-digits")
    worth = effective_size(law, HALF, 130e9)
    assert worth.params == pytest.approx(law.evaluate_arch("EPC", HALF, 130e9), rel=1e-9)
    assert not worth.embeddings
    assert worth.cutoff == law.cutoff()


@pytest.mark.parametrize("arch", [SWITCH, FINE, MIXTRAL], ids=["switch", "fine", "mixtral"])
def test_of_the_expansion_family_it_is_n_eff(arch):
    law = find_law("optimoe2026")
    worth = effective_size(law, arch, TOKENS)
    assert worth.params == pytest.approx(law.evaluate_arch("N_eff", arch, TOKENS), rel=1e-9)


@pytest.mark.parametrize(
    ("name", "arch"),
    [
        ("ludziejewski2025", MIXTRAL),
        ("abnar2025", SWITCH),
        ("krajewski2024-e64-digits", FINE),
        ("optimoe2026", FINE),
    ],
)
def test_the_dense_model_of_that_size_has_the_loss_of_the_design(name, arch):
    law = find_law(name)
    dense, worth = law.dense_law(), effective_size(law, arch, TOKENS)
    twin = dense.variables(dense_twin(arch))
    scale = worth.params / dense.size(dense_twin(arch))
    scaled = {symbol: value * scale if symbol[0] == "N" else value for symbol, value in twin.items()}
    assert dense.evaluate("L", scaled | {"D": TOKENS}) == pytest.approx(law.arch_loss(arch, TOKENS), rel=1e-12)


def test_a_design_past_clarks_cutoff_is_worth_less_than_its_own_dense_model():
    law = find_law("clark2022-hash-digits")
    deep = replace(HALF, layers=tuple(replace(group, num_layers=5000) for group in HALF.layers))
    assert law.size(deep) > law.cutoff()
    worth = effective_size(law, deep, 130e9)
    assert worth.past_cutoff
    assert worth.params < law.size(deep)
    assert not effective_size(law, HALF, 130e9).past_cutoff


def test_a_law_whose_paper_has_no_dense_law_knows_no_dense_size():
    worth = effective_size(find_law("zhao2025"), MIXTRAL, 1e12)
    assert np.isnan(worth.params)
    assert not worth.known
    assert not worth.past_cutoff


def test_the_band_holds_ninety_per_cent_of_the_laws_draws():
    law = find_law("optimoe2026")
    worth, many = effective_size(law, SWITCH, TOKENS), law.with_draws()
    inputs = law.variables(SWITCH)
    drawn = many.evaluate("N_eff", inputs)
    spread = inputs["factor"] / law.other_readings(SWITCH)[0]["factor"]
    assert spread > 1
    # papers disagree about the factors by that much, on both sides of what the draws say
    low, high = np.quantile(drawn, [0.05, 0.95])
    assert worth.low == pytest.approx(low / spread, rel=1e-6)
    assert worth.high == pytest.approx(high * spread, rel=1e-6)


def test_the_band_of_an_assumed_reading_holds_the_design_as_it_stands():
    law = find_law("ludziejewski2025")
    worth = effective_size(law, MIXTRAL, 1e12)
    assert worth.low == worth.params < worth.high
    as_stated = law.evaluate("L", law.as_stated(MIXTRAL) | {"D": 1e12})
    assert law.evaluate("L", {"N_act": worth.high, "D": 1e12, "E": 1}) == pytest.approx(as_stated, rel=1e-9)


def test_a_law_without_draws_or_other_readings_has_no_band():
    worth = effective_size(find_law("abnar2025"), SWITCH, TOKENS)
    assert np.isfinite(worth.params)
    assert np.isnan([worth.low, worth.high]).all()


def test_a_loss_below_every_dense_one_is_worth_more_than_any_dense_size():
    law = find_law("optimoe2026")
    low_floor = law.row.with_coefficients(law.row.coefficients | {"E": 1.0})
    better = type(law)(replace(low_floor, dense_baseline="besiroglu2024"), find_law)
    worth = effective_size(better, SWITCH, 1e12)
    assert worth.params == np.inf
    assert worth.above_total


def test_a_size_above_all_parameters_of_the_design_is_marked():
    assert effective_size(find_law("abnar2025"), MIXTRAL, 1e12).above_total
    assert not effective_size(find_law("optimoe2026"), MIXTRAL, 1e12).above_total
    assert not effective_size(find_law("optimoe2026"), DENSE, 1e12).above_total


def test_a_grid_of_designs_is_the_designs_one_by_one_and_nan_where_the_law_has_no_say():
    experts = np.array([1, 8, 64])
    law = find_law("ludziejewski2025")
    grid = effective_size(law, with_num_experts(SWITCH, experts), TOKENS)
    alone = [effective_size(law, with_num_experts(SWITCH, int(E)), TOKENS).params for E in experts]
    assert grid.params == pytest.approx(alone, rel=1e-9)
    dense = effective_size(find_law("besiroglu2024"), with_num_experts(SWITCH, experts), TOKENS)
    assert list(np.isnan(dense.params)) == [False, True, True]


def test_shared_experts_are_in_the_dense_twin():
    law = find_law("optimoe2026")
    assert effective_size(law, SHARED, TOKENS).params > count_params(dense_twin(SHARED)).active
