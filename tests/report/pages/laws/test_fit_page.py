"""The page of a fit: residuals by every variable."""

import numpy as np
import pytest

from optimoe.laws.catalog import find_law
from optimoe.laws.fitting import FitOptions, LeastSquares, fit
from optimoe.laws.runs import Observations
from optimoe.report.pages.laws.fit_page import fit_page, residual_figure, thirds


def test_a_slope_of_the_residuals_shows_in_their_thirds():
    column = np.geomspace(1e8, 1e10, 30)
    means = thirds(column, np.log(column) - np.log(column).mean())
    assert [x for x, _ in means] == sorted(x for x, _ in means)
    assert means[0][1] < means[1][1] < means[2][1]
    assert means[1][1] == pytest.approx(0, abs=1e-9)


def test_the_page_shows_every_variable_that_varies_and_the_words_of_the_fit():
    sizes, tokens = np.repeat([1e8, 4e8, 1e9, 4e9], 4), np.tile([2e9, 1e10, 5e10, 2e11], 4)
    runs = Observations(
        variables={"N": sizes, "D": tokens}, loss=find_law("besiroglu2024").loss(N=sizes, D=tokens)
    )
    fitted = fit(runs, "chinchilla", FitOptions(objective=LeastSquares()))
    page = fit_page(runs, fitted, [("Verdict", "words of the fit")])
    assert "Residuals by N" in page
    assert "Residuals by D" in page
    assert "words of the fit" in page
    figure = residual_figure("N", sizes, np.full(16, 0.01), runs)
    assert figure.layout.xaxis.type == "log"
    assert list(figure.data[1].y) == pytest.approx([0.01] * 3)
