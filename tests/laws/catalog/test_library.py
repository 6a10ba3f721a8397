"""The library as its users meet it: names, refusals, law files."""

from pathlib import Path

import pytest

from optimoe.core.errors import ConfigError, InputError, UnknownNameError
from optimoe.laws import catalog
from optimoe.laws.catalog import find_law, find_loss_law, law_names
from optimoe.laws.law import NotEvaluatedError
from optimoe.laws.loss_law import LossLaw
from tests.laws.designs import DENSE, HALF, SWITCH

OURS = ("li2026-reading", "yun2024-inferred")
"""A reading of an equation, and coefficients inferred from printed answers: neither is printed anywhere."""


def test_the_library_has_every_row_of_the_reference():
    published = [name for name in law_names() if not name.startswith("optimoe") and name not in OURS]
    assert len(published) == 75
    assert len(catalog.published_checks()) == 395


@pytest.mark.parametrize("name", law_names())
def test_a_published_row_gives_every_coefficient_that_a_fit_of_its_form_estimates(name):
    law = find_law(name)
    assert set(law.linear) <= set(law.free)
    assert bool(law.free) == hasattr(law, "gradient")
    if law.row.coefficients:
        assert set(law.free) <= set(law.row.coefficients)
        assert all(isinstance(value, float) for value in law.row.coefficients.values())
    else:
        assert law.row.status == "form-only"


LI_INPUTS = {"N": 1e8, "D": 2e9, "S": 0.95, "r": 0.5, "R": 0.0}


def test_the_inconsistent_loss_of_li_refuses_and_says_why():
    law = find_law("li2026-loss")
    for call in (
        lambda: law.evaluate("L", LI_INPUTS),
        lambda: law.loss(**LI_INPUTS),
        lambda: find_loss_law("li2026-loss"),
    ):
        with pytest.raises(InputError, match=r"13\.7 nats.*R is never defined"):
            call()
    assert law.allow_inconsistent().evaluate("L", LI_INPUTS) == pytest.approx(20.8239, rel=1e-4)
    with pytest.raises(InputError):
        law.loss(**LI_INPUTS)


def test_the_printed_chinchilla_refuses_too_and_opting_in_reaches_laws_that_use_it():
    with pytest.raises(InputError, match="use hoffmann2022-unrounded"):
        find_law("hoffmann2022-printed").optimal_params(1e20)
    inputs = {"base": "hoffmann2022-printed", "N0": 7e9, "D_inf": 1e11}
    law = find_law("sardana2024-objective")
    with pytest.raises(InputError, match="inconsistent"):
        law.evaluate("N", inputs)
    assert law.allow_inconsistent().evaluate("N", inputs) == pytest.approx(6.339e9, rel=1e-3)


FORMS = ["yun2024-loss", "wang2024-loss", "gadre2024-loss", "farseer2025-loss", "tissue2024-annealing"]


@pytest.mark.parametrize("name", FORMS)
def test_a_form_without_coefficients_asks_to_be_fitted(name):
    law = find_law(name)
    assert law.row.coefficients == {}
    with pytest.raises(ConfigError, match="fit the form"):
        law.evaluate("L", dict.fromkeys(law.outputs["L"], 8e9))
    with pytest.raises(InputError, match=r"form-only|must give a loss for an architecture"):
        find_loss_law(name)


def test_a_law_without_tokens_is_no_loss_law():
    with pytest.raises(ConfigError, match="its tokens"):
        find_loss_law("clark2022-sbase-digits")
    law = find_law("clark2022-sbase-digits")
    assert not isinstance(law, LossLaw)
    assert law.arch_loss(HALF, 1e9) == law.arch_loss(HALF, 1e12)
    assert law.decades_beyond(HALF, 1.3e12)["D"] == pytest.approx(1)


def test_cost_models_stand_in_the_library_but_are_not_laws():
    with pytest.raises(NotEvaluatedError, match="serving cost"):
        find_law("erdil2025-toy").evaluate("t_min_s", {})


@pytest.mark.parametrize(
    ("name", "symbol", "inputs", "words"),
    [
        ("abnar2025", "L", {"N": 1e9, "D": 1e10, "S": 1.0}, "S: must be at least 0 and below 1"),
        ("clark2022-rlr", "L", {"N": 1e9, "E": 0.5}, "E: must be at least 1"),
        ("besiroglu2024", "L", {"N": 0.0, "D": 1e10}, "N: must be positive"),
        ("besiroglu2024", "L", {"N": float("nan"), "D": 1e10}, "N: must be positive"),
        ("besiroglu2024", "L", {"N": 1e9}, "L needs D"),
        ("krajewski2024-e64", "L", {"N_act": 1e9, "G": 1}, "L needs D"),
        ("li2026-rstar", "r_star", {"E": 2, "C": 1e20}, "E: must be at least 3"),
        ("li2026-rstar", "C_crossing", {"E1": 17, "E2": 17}, "S2: must be another sparsity"),
    ],
)
def test_bad_inputs_are_named(name, symbol, inputs, words):
    with pytest.raises(ConfigError, match=words):
        find_law(name).evaluate(symbol, inputs)


def test_unknown_names_list_the_nearest():
    with pytest.raises(UnknownNameError, match="besiroglu2024"):
        find_law("besiroglu")
    with pytest.raises(UnknownNameError, match="N_opt"):
        find_law("besiroglu2024").evaluate("Nopt", {"C": 1e20})
    with pytest.raises(UnknownNameError, match="input of L"):
        find_law("besiroglu2024").evaluate("L", {"N": 1e9, "D": 1e10, "E": 8})


LAW_FILE = """
[[law]]
name = "mine"
family = "yun"
source = "my runs"
status = "fitted"
n_convention = "dense"
coefficients = { A = 400, alpha = 0.34, B = 0.2, beta = 0.5, C = 410, gamma = 0.28, F = 1.7, d = 0, %s }
range = { N = [1e8, 1e9], D = [1e9, 1e10], E = [1, 32] }
rmse_log = 0.01
rmse_source = "my runs"
"""


def test_a_fitted_law_file_predicts(tmp_path: Path):
    path = tmp_path / "mine.toml"
    path.write_text(LAW_FILE % "E_start = 2, E_max = 300")
    law = find_loss_law(str(path))
    assert law.arch_loss(SWITCH, 1e10) < law.arch_loss(DENSE, 1e10)
    path.write_text(LAW_FILE % "E_start = 2")
    with pytest.raises(ConfigError, match=r"mine.toml: coefficient E_max: must be given, got none"):
        find_loss_law(str(path)).arch_loss(SWITCH, 1e10)
