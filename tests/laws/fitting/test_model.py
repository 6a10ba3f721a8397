from itertools import product

import numpy as np
import pytest

from optimoe.core.errors import InputError
from optimoe.laws.catalog import FAMILIES, find_law
from optimoe.laws.fitting import FitOptions, LeastSquares, bootstrap, fit
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


def test_tied_exponents_share_one_coordinate_and_one_slope(planted):
    runs = planted("besiroglu2024", noise=0.01)
    free, tied = (make_model(runs, "chinchilla", FitOptions(tied=ties)) for ties in ({}, {"beta": "alpha"}))
    assert tied.names == ("E", "A", "B", "alpha")
    point = tied.starts()[:1]
    coefficients = tied.coefficients(point)
    assert coefficients["beta"] == coefficients["alpha"]
    value, slopes = tied.predict(point)
    expected, parts = free.predict(free.coordinates(coefficients))
    np.testing.assert_allclose(value, expected)
    np.testing.assert_allclose(slopes[0, 3], parts[0, 3] + parts[0, 4])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"tied": {"alpha": "E"}}, "tie of alpha and E"),
        ({"tied": {"alpha": "beta", "beta": "alpha"}}, "tie: must be between different"),
        ({"tied": {"alpha": "beta"}, "fixed": {"alpha": 0.3, "beta": 0.4}}, "to which it is tied"),
        ({"tied": {"alpha": "gamma"}}, "gamma"),
    ],
)
def test_a_tie_that_cannot_be_is_one_line(planted, options, words):
    with pytest.raises(InputError, match=words):
        make_model(planted("besiroglu2024"), "chinchilla", FitOptions(**options))


def test_a_fixed_coefficient_fixes_what_is_tied_to_it(planted):
    options = FitOptions(tied={"alpha": "beta"}, fixed={"alpha": 0.3}, objective=LeastSquares())
    fitted = fit(planted("besiroglu2024", noise=0.01), "chinchilla", options)
    assert fitted.coefficients["alpha"] == fitted.coefficients["beta"] == 0.3
    assert set(fitted.unidentified) == {"alpha", "beta"}


def test_a_tie_holds_in_every_resample(planted):
    runs = planted("besiroglu2024", noise=0.01)
    fitted = fit(runs, "chinchilla", FitOptions(tied={"alpha": "beta"}, objective=LeastSquares()))
    drawn = bootstrap(runs, fitted, resamples=20)
    np.testing.assert_array_equal(drawn.coefficients["alpha"], drawn.coefficients["beta"])
    assert set(drawn.intervals()) == {"E", "A", "B", "alpha", "beta"}
