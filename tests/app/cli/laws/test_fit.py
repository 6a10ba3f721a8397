"""``optimoe laws fit``."""

import pytest

from tests.app.run import answer, optimoe


@pytest.fixture
def runs(tmp_path):
    """Twenty runs of a planted law."""
    path = tmp_path / "runs.csv"
    sizes = [(params, tokens) for params in (1e8, 3e8, 1e9, 3e9) for tokens in (1e9, 4e9, 2e10, 1e11, 5e11)]
    lines = [f"{n},{d},{1.7 + 400 / n**0.34 + 2000 / d**0.36}" for n, d in sizes]
    path.write_text("\n".join(["params,tokens,final", *lines]))
    return path


FIT = ["--family", "besiroglu2024", "--columns", "N=params,D=tokens,loss=final"]


def test_a_law_is_fitted_saved_and_planned_with(runs, tmp_path):
    law = tmp_path / "mine.toml"
    record = answer("laws", "fit", runs, *FIT, "--holdout", "top20%", "--resamples", 20, "--out", law)
    assert record["verdict"] == "sound"
    assert record["coefficients"]["E"] == pytest.approx(1.7, rel=1e-5)
    assert record["coefficients"]["alpha"] == pytest.approx(0.34, rel=1e-5)
    assert set(record["intervals"]) == {"E", "A", "B", "alpha", "beta"}
    assert record["holdout"]["rmse_log"] < 1e-6
    done = answer("plan", "--train-flops", "1e21", "--serve-tokens", "1B", "--experts", "1", "--law", law)
    assert done["choice"]["loss"] > 1.7


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        (["--family", "nobody"], "family"),
        (["--columns", "N=params,D=nowhere,loss=final"], "nowhere"),
        (["--columns", "N"], "--columns"),
        (["--holdout", "top150%"], "holdout"),
        (["--where", "params > 1e99"], "observations"),
        (["--level", "1.5"], "level"),
    ],
)
def test_a_fit_of_bad_input_is_one_line(runs, extra, words):
    done = optimoe("laws", "fit", runs, *FIT, *extra)
    assert done.returncode == 2, done.stderr
    assert done.stderr.count("\n") == 1
    assert words in done.stderr
