"""What a table seems to be, in words; no row is kept out for it."""

import numpy as np

from optimoe.laws.runs import as_observations


def sweep(num_runs=30, points=1):
    params = np.repeat(np.geomspace(1e7, 1e10, num_runs), points)
    tokens = np.tile(np.geomspace(1e9, 1e11, points), num_runs) * (params / 1e8) ** 0.5
    loss = 1.7 + 400 / params**0.34 + 410 / tokens**0.28
    return {"N": params, "D": tokens, "loss": loss}, np.repeat([f"r{run}" for run in range(num_runs)], points)


def test_points_of_training_curves_are_said_not_to_be_independent():
    columns, run = sweep(10, points=7)
    (remark,) = as_observations(columns | {"run": run}).remarks
    assert remark.startswith("70 of 70 rows are points of 10 training curves (run), not independent runs")
    assert remark.endswith("(--cluster run)")
    (remark,) = as_observations(columns | {"exp_name": run}).remarks
    assert remark.endswith("(--labels run=exp_name --cluster run)")


def test_one_run_each_is_no_curve():
    columns, run = sweep()
    assert as_observations(columns | {"run": run}).remarks == ()


def test_a_run_of_two_exports_is_named_by_its_rows():
    columns, run = sweep()
    twice = {name: np.append(column, column[3] * (1 + 3e-5)) for name, column in columns.items()}
    (remark,) = as_observations(twice | {"run": np.append(run, "again")}).remarks
    assert remark.startswith("rows 4 and 31 agree in every variable within 0.1 % and in the loss within 0.02 %")


def test_seeds_with_one_loss_are_not_listed_twice():
    columns, _ = sweep()
    twice = {name: np.append(column, column[3]) for name, column in columns.items()}
    assert as_observations(twice | {"seed": np.append(np.zeros(30), 1)}).remarks == ()


def test_bits_per_byte_are_known_by_their_name():
    columns, _ = sweep()
    columns["bits_per_byte"] = columns.pop("loss") / np.log(2) / 4.2
    (remark,) = as_observations(columns, {"N": "N", "D": "D", "loss": "bits_per_byte"}).remarks
    assert remark.startswith("loss is bits_per_byte, in bits per byte by its name")


def test_remarks_stay_with_a_selection():
    columns, run = sweep(10, points=7)
    runs = as_observations(columns | {"run": run})
    assert runs.select(runs.loss > 2).remarks == runs.remarks
