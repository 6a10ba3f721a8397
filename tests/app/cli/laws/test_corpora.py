"""``optimoe laws fit --group``, ``--prior``, and ``optimoe laws anchor``."""

import numpy as np
import pytest

from optimoe.laws.catalog import find_law
from tests.app.run import FEW_DESIGNS, answer, optimoe

COLUMNS = ["--columns", "a:N=params,b:N=size", "--columns", "D=tokens,loss=final", "--n-convention", "total"]


@pytest.fixture
def files(tmp_path):
    """Two corpora on Besiroglu's law with a scale and other columns each, and one run of a third."""
    law, random = find_law("besiroglu2024"), np.random.default_rng(0)
    for name, column, scale in (("a", "params", 1.0), ("b", "size", 1.12)):
        rows = [f"{column},tokens,final"]
        for size in np.geomspace(3e7, 3e9, 6):
            for ratio in (10, 30, 100):
                loss = scale * law.loss(N=size, D=ratio * size) * np.exp(0.003 * random.standard_normal())
                rows.append(f"{size},{ratio * size},{loss}")
        (tmp_path / f"{name}.csv").write_text("\n".join(rows))
    loss = 1.05 * law.loss(N=1e9, D=2e10)
    (tmp_path / "own.csv").write_text(f"N,D,loss\n1e9,2e10,{loss}\n")
    return tmp_path


def fit_both(files, *more, resamples=20):
    return answer(
        "laws", "fit", files / "a.csv", files / "b.csv", "--family", "chinchilla", "--group", "file", *COLUMNS,
        "--resamples", resamples, *more,
    )  # fmt: skip


def test_two_tables_are_one_law_with_a_scale_each(files):
    record = fit_both(files, "--shared", "alpha,beta", "--per-group", "E,scale", "--spread", "E=0.1,scale=0.1")
    assert record["coefficients"]["alpha"] == pytest.approx(0.348, abs=0.03)
    scales = [record["corpora"][name]["effects"]["scale"] for name in ("a", "b")]
    assert scales[1] / scales[0] == pytest.approx(1.12, abs=0.05)
    assert record["spread"] == {"E": pytest.approx(0.1), "scale": pytest.approx(0.1)}
    assert set(record["intervals"]) == {"E", "A", "B", "alpha", "beta"}
    assert record["law"]["n_convention"] == "total"


def test_each_corpus_is_left_out_by_command(files):
    record = fit_both(files, "--leave-out", "corpus", resamples=0)  # the fits count here, not their draws
    assert [one["corpus"] for one in record["left_out"]] == ["a", "b"]
    assert record["left_out"][0]["carried"]["scale"] < 0.1


def test_a_law_of_corpora_is_anchored_on_one_run_and_planned_with(files):
    law, own = files / "ours.toml", files / "mine.toml"
    fit_both(files, "--out", law)
    record = answer("laws", "anchor", law, files / "own.csv", "--out", own, "--name", "mine")
    assert record["runs"] == 1
    predicted = find_law(str(own)).loss(N=1e9, D=2e10)
    assert predicted == pytest.approx(1.05 * find_law("besiroglu2024").loss(N=1e9, D=2e10), rel=0.005)
    assert "not identified by runs of one size" in record["statement"]
    words = optimoe("laws", "anchor", law, files / "own.csv").stdout
    assert "would identify the offset" in words
    asked = ("plan", "--train-flops", "1e21", "--serve-tokens", "1B", "--experts", "1", *FEW_DESIGNS, "--quick")
    done = answer(*asked, "--law", own)
    assert done["choice"]["loss"] > 1.7


def test_a_published_law_is_anchored_by_its_scale_alone(files):
    record = answer("laws", "anchor", "besiroglu2024", files / "own.csv")
    assert [effect["name"] for effect in record["effects"]] == ["scale"]
    assert record["effects"][0]["value"] == pytest.approx(1.05, abs=0.003)
    assert "assumed" in record["basis"]


def test_a_law_is_the_prior_of_a_fit_to_one_run(files):
    law, own = files / "ours.toml", files / "mine.toml"
    fit_both(files, "--out", law)
    record = answer(
        "laws", "fit", files / "own.csv", "--family", "chinchilla", "--prior", law, "--resamples", 20, "--out", own
    )
    assert record["verdict"] == "sound"
    assert record["learned"]["alpha"] > 0.9
    assert "own draws" in record["basis"]
    assert len(find_law(str(own)).row.draws["alpha"]) > 10


def test_a_stated_prior_holds_one_table_too(files):
    record = answer(
        "laws", "fit", files / "a.csv", "--family", "chinchilla", "--columns", "N=params,D=tokens,loss=final",
        "--prior", "alpha=0.5:0.000001", "--resamples", 0,
    )  # fmt: skip
    assert record["coefficients"]["alpha"] == pytest.approx(0.5, abs=1e-4)
    assert record["effects"] == []


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["--per-group", "scale"], "--per-group: needs --group"),
        (["--group", "file", "--objective", "squares"], "--objective"),
        (["--group", "file", "--holdout", "top20%"], "--leave-out corpus"),
        (["--group", "file", "--prior", "alpha=0.3", *COLUMNS[2:], "--columns", "N=params"], "--prior"),
        (["--group", "file", "--columns", "c:N=params"], "group"),
    ],
)
def test_what_does_not_go_together_is_refused_in_one_line(files, words, text):
    done = optimoe("laws", "fit", files / "a.csv", "--family", "chinchilla", *words)
    assert done.returncode == 2
    assert text in done.stderr
    assert done.stderr.count("\n") == 1
