"""``optimoe laws fit``."""

from math import sin

import pytest

from tests.app.run import FEW_DESIGNS, answer, optimoe


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
    asked = ("plan", "--train-flops", "1e21", "--serve-tokens", "1B", "--experts", "1", *FEW_DESIGNS)
    done = answer(*asked, "--law", law)
    assert done["choice"]["loss"] > 1.7


def test_coefficients_are_fixed_bounded_started_and_tied(runs):
    record = answer(
        "laws", "fit", runs, *FIT, "--tie", "alpha=beta", "--fix", "E=1.7", "--bound", "A=1:1e6",
        "--start", "alpha=0.2,0.3", "--objective", "auto", "--resamples", 20,
    )  # fmt: skip
    assert record["coefficients"]["alpha"] == record["coefficients"]["beta"]
    assert record["coefficients"]["E"] == 1.7
    assert record["unidentified"] == {"E": "fixed"}
    assert set(record["intervals"]) == {"A", "B", "alpha", "beta"}
    assert record["options"]["starts"] == {"alpha": [0.2, 0.3]}
    assert record["starts"] == 2
    assert record["objective_name"] != "huber(delta=0.001) on ln L"


def test_predictions_are_a_table_and_the_band_says_what_it_holds(runs, tmp_path):
    table = tmp_path / "predictions.csv"
    record = answer("laws", "fit", runs, *FIT, "--resamples", 20, "--holdout", "top20%", "--predictions", table)
    assert [row["rule"] for row in record["coverage"]] == ["5 folds", "top20%"]
    assert record["coverage"][0]["runs"] == 20
    assert len(table.read_text().splitlines()) == 21
    words = optimoe("laws", "fit", runs, *FIT, "--resamples", 20).stdout
    assert "90% promised" in words
    assert "robust scale" in words


def test_a_fit_writes_tables_for_papers_and_a_page_of_residuals(runs, tmp_path):
    paths = [tmp_path / name for name in ("fit.tex", "fit.csv", "fit.html")]
    for option, path in zip(("--table", "--table", "--page"), paths, strict=True):
        answer("laws", "fit", runs, *FIT, "--resamples", 10, "--folds", 0, option, path)
    assert paths[0].read_text().startswith("% family chinchilla")
    assert paths[1].read_text().startswith("coefficient,value")
    assert "Residuals by N" in paths[2].read_text()


def test_runs_of_one_number_of_tokens_reduce_the_family_and_say_it(runs):
    record = answer(
        "laws", "fit", runs, *FIT, "--where", "tokens == 1e9", "--resamples", 0, "--bound", "alpha=0.3:0.4"
    )
    assert {held["coefficient"] for held in record["held"]} == {"B", "beta"}
    done = optimoe("laws", "fit", runs, *FIT, "--where", "tokens == 1e9", "--resamples", 0)
    words = " ".join(done.stdout.split())
    assert "D is 1e+09 in every run: beta cannot be told from E; B cannot be told from E" in words


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        (["--fix", "alpha=much"], "--fix: alpha: must be a number"),
        (["--fix", "gamma=1"], "gamma"),
        (["--bound", "E=1"], "--bound: E: must be two limits"),
        (["--bound", "E=2:1"], "bounds of E"),
        (["--start", "0.2,0.3"], "--start: must be like alpha=0.2,0.3"),
        (["--tie", "alpha=A"], "tie of"),
        (["--tie", "alpha"], "--tie"),
        (["--resamples", "0", "--predictions", "out.csv"], "--predictions: needs --resamples"),
        (["--table", "out.xlsx"], "--table: must end in .tex or .csv"),
        (["--family", "nobody"], "family"),
        (["--columns", "N=params,D=nowhere,loss=final"], "nowhere"),
        (["--columns", "N"], "--columns"),
        (["--holdout", "top150%"], "holdout"),
        (["--where", "params > 1e99"], "where: must be true in a row of"),
        (["--level", "1.5"], "level"),
    ],
)
def test_a_fit_of_bad_input_is_one_line(runs, extra, words):
    done = optimoe("laws", "fit", runs, *FIT, *extra)
    assert done.returncode == 2, done.stderr
    assert done.stderr.count("\n") == 1
    assert words in done.stderr


def test_a_fit_of_active_parameters_is_planned_in_active_parameters(runs, tmp_path):
    law = tmp_path / "mine.toml"
    answer("laws", "fit", runs, *FIT, "--n-convention", "active", "--resamples", 0, "--folds", 0, "--out", law)
    asked = ("plan", "--train-flops", "1e21", "--serve-tokens", "1B", "--experts", "8", *FEW_DESIGNS, "--law", law)
    choice = answer(*asked, "--quick")["choice"]
    told = answer(
        "laws",
        "predict",
        "--law",
        law,
        "--set",
        f"N={choice['arch']['params_active']}",
        "--set",
        f"D={choice['tokens']}",
    )
    assert choice["loss"] == pytest.approx(told["loss"], rel=1e-9)


def test_a_law_file_repeats_what_the_fit_found_out(runs, tmp_path):
    law = tmp_path / "mine.toml"
    head, *lines = runs.read_text().split("\n")
    rows = [line.rsplit(",", 1) for line in lines]
    runs.write_text(
        "\n".join(
            [head, *(f"{row},{float(loss) * (1 + 0.002 * sin(7 * n))}" for n, (row, loss) in enumerate(rows))]
        )
    )
    fitted = answer(
        "laws", "fit", runs, *FIT, "--holdout", "top20%", "--resamples", 30, "--folds", 0, "--out", law
    )
    shown = answer("laws", "show", law)["law"]
    assert shown["draws"] == 30
    evidence = shown["evidence"]
    assert (evidence["verdict"], evidence["runs"], evidence["files"]) == (fitted["verdict"], 20, ["runs.csv"])
    assert evidence["holdout"]["rmse_log"] == fitted["holdout"]["rmse_log"]
    assert evidence["n_basis"] == "the column params"
    told = answer("laws", "predict", "--law", law, "--set", "N=1e9", "--set", "D=1e10")
    assert told["low"] <= told["loss"] <= told["high"]
    assert (told["verdict"], told["fit"]) == (fitted["verdict"], fitted["verdict"])


def test_a_law_whose_fit_failed_is_planned_with_on_request_only(runs, tmp_path):
    law = tmp_path / "mine.toml"
    answer(
        "laws",
        "fit",
        runs,
        "--family",
        "chinchilla",
        "--columns",
        "N=params,D=tokens,loss=final",
        "--resamples",
        0,
        "--folds",
        0,
        "--out",
        law,
    )
    text = law.read_text().replace('verdict = "sound"', 'verdict = "ill_conditioned"')
    law.write_text(text)
    (tmp_path / "request.toml").write_text(
        f'law = "{law}"\ntrain_flops = "1e21"\nserve_tokens = "1B"\nexperts = [1]\n'
    )
    asked = ("plan", "--config", "request.toml")
    done = optimoe(*asked, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith(
        "optimoe: law chinchilla-fit: verdict: must be sound to plan with, got ill conditioned"
    )
    (tmp_path / "request.toml").write_text((tmp_path / "request.toml").read_text() + "allow_unsound = true\n")
    done = answer(*asked, cwd=tmp_path)
    assert "not sound (ill conditioned" in done["warnings"][0]
    assert (done["problem"]["law_verdict"], done["problem"]["allow_unsound"]) == ("ill_conditioned", True)


def test_what_n_counts_is_asked_for_where_nothing_says_it(runs, tmp_path):
    law = tmp_path / "mine.toml"
    runs.write_text(runs.read_text().replace("params", "size"))
    columns = ("--family", "chinchilla", "--columns", "N=size,D=tokens,loss=final", "--resamples", 0, "--folds", 0)
    done = optimoe("laws", "fit", runs, *columns, "--out", law)
    assert "not stated: no design can be planned with this law until --n-convention says it" in done.stdout
    done = optimoe("plan", "--train-flops", "1e21", "--serve-tokens", "1B", "--experts", "1", "--law", law)
    assert done.returncode == 2
    assert "n_convention: must say what its N counts" in done.stderr


def test_a_table_without_the_variables_is_answered_with_a_line_that_fits_it(tmp_path):
    rows = [(n, d) for n in (0.1, 0.3, 1, 3) for d in (1, 4, 20, 100)]
    lines = [f"{n};{d}B;{1.7 + 400 / (n * 1e9) ** 0.34 + 2000 / (d * 1e9) ** 0.36:.6f}" for n, d in rows]
    path = tmp_path / "runs.txt"
    path.write_text("\n".join(["size_b;tokens;eval_loss", *lines]).replace(".", ","), encoding="utf-16")
    asked = ("laws", "fit", path, "--family", "chinchilla", "--resamples", 0)
    refused = optimoe(*asked)
    assert refused.returncode == 2
    line = refused.stderr.strip().partition("perhaps --columns ")[2].strip("'")
    assert line == "N=size_b*1e9,D=tokens,loss=eval_loss"
    assert answer(*asked, "--columns", line)["coefficients"]["alpha"] == pytest.approx(0.34, rel=1e-2)


def test_what_the_table_seems_to_be_is_said_and_stays_with_the_law(tmp_path):
    rows = [(run, 1e8 * 3**run, 1e9 * 2**point) for run in range(5) for point in range(6)]
    lines = [
        f"r{run},{n},{d},{1.7 + 400 / n**0.34 + 2000 / d**0.36 + 0.003 * sin(9 * run + d)}" for run, n, d in rows
    ]
    path, law = tmp_path / "curves.csv", tmp_path / "law.toml"
    path.write_text("\n".join(["run,N,D,loss", *lines]))
    asked = ("laws", "fit", path, "--family", "chinchilla", "--resamples", 0, "--out", law)
    words = "30 of 30 rows are points of 5 training curves (run), not independent runs"
    assert [remark.partition(":")[0] for remark in answer(*asked)["remarks"]] == [words]
    assert words in law.read_text()
    assert "Careful" in optimoe(*asked).stdout


def test_nothing_but_the_answer_is_printed_where_no_terminal_is(runs):
    assert optimoe("laws", "fit", runs, *FIT, "--resamples", 0).stderr == ""
