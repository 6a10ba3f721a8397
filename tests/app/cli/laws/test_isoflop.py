"""``optimoe laws isoflop`` and ``frontier``."""

import pytest

from optimoe.laws.catalog import find_law
from tests.app.run import answer, optimoe

COLUMNS = ["--columns", "N=params,D=tokens,loss=final"]


@pytest.fixture
def runs(tmp_path):
    """Seven sizes at each of three budgets, on Besiroglu's law."""
    law, rows = find_law("besiroglu2024"), ["params,tokens,final,cell"]
    for flops in (1e19, 1e20, 1e21):
        for factor in (0.4, 0.55, 0.75, 1.0, 1.35, 1.8, 2.5):
            size = float(law.optimal_params(flops)) * factor
            rows.append(f"{size},{flops / 6 / size},{law.loss(N=size, D=flops / 6 / size)},{flops:g}")
    path = tmp_path / "runs.csv"
    path.write_text("\n".join(rows))
    return path


def test_parabolas_stand_beside_a_published_and_a_fitted_law(runs):
    record = answer(
        "laws", "isoflop", runs, *COLUMNS, "--budget", "cell", "--law", "besiroglu2024", "--family", "chinchilla",
        "--resamples", 30,
    )  # fmt: skip
    assert [budget["train_flops"] for budget in record["budgets"]] == [1e19, 1e20, 1e21]
    exponent = find_law("besiroglu2024").params_exponent()
    assert record["params"]["value"] == pytest.approx(exponent, abs=0.02)
    assert record["laws"]["besiroglu2024"]["value"] == pytest.approx(exponent, abs=1e-3)
    assert record["laws"]["chinchilla-fit"]["value"] == pytest.approx(exponent, abs=1e-3)
    assert record["asked"][0]["name"] == "besiroglu2024"
    words = optimoe("laws", "isoflop", runs, *COLUMNS).stdout
    assert "N (parabola)" in words
    assert "N ∝ C^0.5" in words


def test_the_frontier_of_a_law_and_of_runs():
    record = answer("laws", "frontier", "--law", "besiroglu2024", "--train-flops", "1e21,1e23", "--resamples", 20)
    (found,) = record["frontiers"]
    law = find_law("besiroglu2024")
    assert found["points"][0]["params"]["value"] == pytest.approx(float(law.optimal_params(1e21)), rel=1e-6)
    assert found["points"][0]["params"]["low"] < found["points"][0]["params"]["value"]
    assert found["draws"] == 20
    assert found["params"]["value"] == pytest.approx(law.params_exponent(), rel=1e-5)


def test_the_frontier_of_a_fit_has_intervals_from_its_draws(runs):
    record = answer("laws", "frontier", runs, *COLUMNS, "--family", "chinchilla", "--resamples", 20)
    (found,) = record["frontiers"]
    assert found["law"]["name"] == "chinchilla-fit"
    assert found["draws"] == 20
    assert len(found["points"]) == 6
    words = optimoe("laws", "frontier", "--law", "ludziejewski2025", "--set", "E=64").stdout
    assert "N_act ∝ C^" in words
    assert "E = 64" in words


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["frontier"], "--law: missing"),
        (["frontier", "--law", "besiroglu2024", "--train-flops", "much"], "'much' is not a quantity"),
        (["frontier", "--law", "besiroglu2024", "--family", "chinchilla"], "--family: must be stated with runs"),
        (["frontier", "--law", "ludziejewski2025"], "asked with E"),
        (["frontier", "--law", "besiroglu2025"], "nearest: besiroglu2024"),
        (["frontier", "--law", "abnar2025", "--set", "S"], "--set"),
        (["isoflop", "RUNS", *COLUMNS, "--budget", "nowhere"], "nowhere"),
        (["isoflop", "RUNS", *COLUMNS, "--window", "3"], "window: must be at least 4"),
        (["isoflop", "RUNS", *COLUMNS, "--law", "ludziejewski2025"], "N_act"),
        (["isoflop", "RUNS", "--columns", "N=params,loss=final"], "D"),
    ],
)
def test_bad_input_is_one_line(runs, words, line):
    done = optimoe("laws", *[runs if word == "RUNS" else word for word in words])
    assert done.returncode == 2, done.stderr
    assert done.stderr.count("\n") == 1
    assert line in done.stderr


def test_the_best_ratio_and_its_law_come_from_a_table_of_runs(tmp_path):
    rows = ["experts,k,shared,flops,tokens,ratio,final"]
    for experts in (16, 32, 64):
        for flops in (1e18, 1e19, 1e20):
            best = find_law("li2026-rstar").evaluate("r_star", {"E": experts + 1.0, "C": flops})
            rows += [
                f"{experts},2,1,{flops},{flops / 6e8},{best * 2.718281828**off},{2.5 + 0.03 * off**2}"
                for off in (-1, -0.6, -0.3, 0, 0.3, 0.6, 1)
            ]
    (tmp_path / "r.csv").write_text("\n".join(rows))
    columns = "S=1-(k+shared)/(experts+shared),r=ratio,C=flops,D=tokens,loss=final"
    record = answer("laws", "ratio", tmp_path / "r.csv", "--columns", columns, "--resamples", 10)
    assert record["verdict"] == "sound"
    found = [record[name]["value"] for name in ("alpha0", "alpha1", "beta0", "beta1")]
    assert found == pytest.approx([6.7e-5, -1.23, 0.24, 0.21], rel=1e-4)
    words = optimoe("laws", "ratio", tmp_path / "r.csv", "--columns", columns, "--resamples", 10).stdout
    assert "(1−S)^-1.23" in words
    assert "nothing is moved here" in words
