"""Tables of predictions."""

import csv
import io

import numpy as np
import pytest

from optimoe.laws.catalog import find_law
from optimoe.laws.fitting import FitOptions, LeastSquares, bootstrap, fit, predict_runs
from optimoe.laws.runs import Observations
from optimoe.report.tables.predictions import predictions_csv


def test_every_run_is_a_row_with_its_number_its_labels_and_its_bands():
    sizes, tokens = np.repeat([1e8, 4e8, 1e9, 4e9], 3), np.tile([2e9, 1e10, 5e10], 4)
    noise = 1 + 0.005 * np.sin(np.arange(12) ** 2)
    loss = find_law("besiroglu2024").loss(N=sizes, D=tokens) * noise
    labels = {"run": np.array([f"run, {number}" for number in range(12)], dtype=object)}
    runs = Observations(variables={"N": sizes, "D": tokens}, loss=loss, labels=labels, rows=np.arange(3, 15))
    fitted = fit(runs, "chinchilla", FitOptions(objective=LeastSquares()))
    band = predict_runs(runs, fitted, bootstrap(runs, fitted, resamples=20))
    rows = list(csv.DictReader(io.StringIO(predictions_csv(runs, fitted, band))))
    assert len(rows) == 12
    assert (rows[0]["row"], rows[0]["run"], rows[0]["N"]) == ("3", "run, 0", "100000000")
    for row, measured in zip(rows, loss, strict=True):
        assert float(row["loss"]) == pytest.approx(measured)
        assert float(row["residual"]) == pytest.approx(np.log(float(row["predicted"]) / measured), abs=1e-8)
    first = {name: np.asarray(value)[0] for name, value in vars(band).items()}
    assert float(rows[0]["low"]) == pytest.approx(first["run_low"])
    assert float(rows[0]["law_high"]) == pytest.approx(first["high"])
