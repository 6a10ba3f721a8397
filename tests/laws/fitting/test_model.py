from itertools import product

import pytest

from optimoe.laws.catalog import FAMILIES, find_law
from optimoe.laws.fitting import FitOptions
from optimoe.laws.fitting.model import find_form
from optimoe.laws.fitting.setup.problem import make_model
from tests.laws.cases import PUBLISHED


def test_starts_solve_for_the_linear_coefficients_that_are_not_given(planted):
    truth = find_law("besiroglu2024").row.coefficients
    for fixed in ({}, {"E": truth["E"]}, {"E": truth["E"], "B": truth["B"]}):
        starts = {name: (truth[name],) for name in ("alpha", "beta")}
        model = make_model(planted("besiroglu2024"), "chinchilla", FitOptions(starts=starts, fixed=fixed))
        found = model.coefficients(model.starts())
        assert {name: values[0] for name, values in found.items()} == pytest.approx(truth, rel=1e-4)


@pytest.mark.parametrize("family", sorted(name for name, truth in PUBLISHED.items() if truth))
def test_every_family_can_start_from_its_published_coefficients(family, monkeypatch):
    monkeypatch.setattr(FAMILIES[family], "fit_form", None)
    form, law = find_form(FAMILIES[family]), FAMILIES[family]
    assert set(form.grid) == set(law.free) - set(law.linear)
    for key in law.free:
        low, high = form.bounds[key]
        assert low <= PUBLISHED[family][key] <= high


def test_a_grid_is_every_combination(planted):
    options = FitOptions(starts={"alpha": (0.2, 0.4), "beta": (0.3, 0.5, 0.7)})
    model = make_model(planted("besiroglu2024"), "chinchilla", options)
    found = model.coefficients(model.starts())
    assert list(zip(found["alpha"], found["beta"], strict=True)) == list(product((0.2, 0.4), (0.3, 0.5, 0.7)))
