"""Tables of coefficients for papers and spreadsheets."""

import csv
import io

import numpy as np
import pytest

from optimoe.laws.catalog import find_law
from optimoe.laws.fitting import FitOptions, LeastSquares, bootstrap, fit
from optimoe.laws.runs import Observations
from optimoe.report.tables.coefficients import coefficients_csv, coefficients_latex


@pytest.fixture(scope="module")
def fitted():
    """Sixteen noisy runs, with one exponent fixed."""
    sizes, tokens = np.repeat([1e8, 4e8, 1e9, 4e9], 4), np.tile([2e9, 1e10, 5e10, 2e11], 4)
    loss = find_law("besiroglu2024").loss(N=sizes, D=tokens) * (1 + 0.005 * np.sin(np.arange(16) ** 2))
    runs = Observations(variables={"N": sizes, "D": tokens}, loss=loss)
    found = fit(runs, "chinchilla", FitOptions(objective=LeastSquares(), fixed={"beta": 0.366}))
    return found, bootstrap(runs, found, resamples=40).intervals()


def test_a_spreadsheet_has_every_digit_and_says_why_there_is_no_interval(fitted):
    found, intervals = fitted
    rows = {row["coefficient"]: row for row in csv.DictReader(io.StringIO(coefficients_csv(found, intervals)))}
    assert {symbol: float(row["value"]) for symbol, row in rows.items()} == found.coefficients
    assert float(rows["alpha"]["low"]) == intervals["alpha"].low
    assert (rows["beta"]["low"], rows["beta"]["remark"]) == ("", "fixed")


def test_a_paper_gets_no_more_digits_than_the_interval_leaves(fitted):
    found, intervals = fitted
    lines = coefficients_latex(found, intervals).splitlines()
    (alpha,) = [line for line in lines if line.startswith(r"$\\alpha$".replace("\\\\", "\\"))]
    value = alpha.split("&")[1].strip().strip("$")
    assert len(value.lstrip("0.")) <= 4
    assert float(value) == pytest.approx(found.coefficients["alpha"], rel=0.05)
    assert any(line.startswith(r"$\beta$ & $0.36600$ & fixed") for line in lines)
    assert any(line.startswith("% family chinchilla") for line in lines)
    assert next(line for line in lines if not line.startswith("%")) == r"\begin{tabular}{lrl}"
