"""``optimoe laws compare-families``, ``back-test``, ``next-runs`` and ``curve``."""

import random

import pytest

from optimoe.arch.hf import from_config
from optimoe.arch.params import count_params
from optimoe.core.run import load_runs
from optimoe.inputs.sweeps.grid import load_sweep
from optimoe.laws.catalog import find_law
from tests.app.run import answer, optimoe
from tests.trainer.sweeps import save_store

COLUMNS = ["--columns", "N=params,D=tokens,loss=final"]


@pytest.fixture
def runs(tmp_path):
    """Thirty points of six runs, on Besiroglu's law with noise."""
    law, chance, rows = find_law("besiroglu2024"), random.Random(0), ["params,tokens,final,model"]
    for size in (5e7, 1e8, 2e8, 4e8, 8e8, 1.6e9):
        for ratio in (5, 10, 20, 40, 80):
            loss = float(law.loss(N=size, D=ratio * size)) * (1 + chance.gauss(0, 0.002))
            rows.append(f"{size},{ratio * size},{loss},run{size:g}")
    path = tmp_path / "runs.csv"
    path.write_text("\n".join(rows))
    return path


def test_families_are_compared_on_runs_left_out(runs):
    families = ["--family", "chinchilla", "--family", "gadre2024"]
    record = answer("laws", "compare-families", runs, *COLUMNS, *families, "--holdout", "top20%", "--folds", 5)
    assert {score["family"] for score in record["scores"]} == {"chinchilla", "gadre2024"}
    assert record["scores"][0]["cv_rmse_log"] <= record["scores"][1]["cv_rmse_log"]
    words = optimoe("laws", "compare-families", runs, *COLUMNS, *families, "--folds", 5).stdout
    assert "ΔAIC" in words
    assert "Held out" not in words


@pytest.mark.parametrize(
    "goal",
    [[], ["--criterion", "I", "--target", "N=7e9,D=140B"], ["--criterion", "decision", "--at-flops", "1e22"]],
)
def test_next_runs_are_chosen_within_the_budget(runs, goal):
    record = answer("laws", "next-runs", runs, *COLUMNS, "--family", "chinchilla", "--budget", "1e21", *goal)
    assert 0 < len(record["chosen"]) <= 8
    assert record["cost"] == pytest.approx(sum(run["cost"] for run in record["chosen"]))
    assert record["cost"] <= 1e21
    assert record["after"] < record["before"]
    for run in record["chosen"]:
        assert run["cost"] == pytest.approx(6 * run["variables"]["N"] * run["variables"]["D"])
        assert run["variables"]["D"] / run["variables"]["N"] * (1 + 1e-6) >= 5


def test_next_runs_are_chosen_from_a_table_or_a_stated_grid(runs, tmp_path):
    table = tmp_path / "candidates.csv"
    table.write_text("params,tokens\n3e9,6e10\n1e9,2e10\n1e8,2e9\n")
    fit = ["--family", "chinchilla", "--budget", "1e22", "--most", 2]
    record = answer("laws", "next-runs", runs, *COLUMNS, *fit, "--candidates", table)
    assert record["candidates"] == 3
    assert len(record["chosen"]) == 2
    grid = ["--grid", "N=1e9:4e9:3", "--grid", "D=2e10:40B"]
    assert answer("laws", "next-runs", runs, *COLUMNS, *fit, *grid)["candidates"] == 6
    words = optimoe("laws", "next-runs", runs, *COLUMNS, *fit, "--candidates", table).stdout
    assert "2 of 3 candidates" in words


GRID = """
[run]
batch_tokens = 1024
seq_len = 128
schedule = { peak_rate = 3e-3 }
data = { sources = [{ name = "text" }] }
[design]
vocab_size = 512
active_ffn_ratio = 3
[[grid]]
[grid.axes]
size = [{ name = "s", d_model = 64, num_layers = 2 }, { name = "m", d_model = 128, num_layers = 4 }]
tokens = [1_024_000, 8_192_000]
"""


def test_next_runs_of_a_file_of_grids_are_a_file_for_the_next_sweep(tmp_path):
    """By the names that records of runs have: N and D."""
    chance, rows = random.Random(0), ["N,D,loss"]
    for size in (5e5, 1e6, 2e6, 4e6):
        for tokens in (1e7, 2e7, 4e7):
            loss = (1 + (size / 1e4) ** -0.4 + (tokens / 1e6) ** -0.4) * (1 + chance.gauss(0, 0.002))
            rows.append(f"{size},{tokens},{loss}")
    (tmp_path / "runs.csv").write_text("\n".join(rows))
    (tmp_path / "grid.toml").write_text(GRID)
    asked = ["laws", "next-runs", tmp_path / "runs.csv", "--family", "chinchilla", "--budget", "1e13", "--most", 2]
    out = tmp_path / "next.toml"
    record = answer(*asked, "--candidates", tmp_path / "grid.toml", "--out", out)
    chosen, grid = load_runs(out), [asked.run for asked in load_sweep(tmp_path / "grid.toml")]
    assert record["candidates"] == 4 and len(chosen) == 2
    assert chosen == tuple(grid[one["candidate"] - 1] for one in record["chosen"])
    for run, one in zip(chosen, record["chosen"], strict=True):
        params = count_params(from_config(run.architecture, run.name)).total
        assert one["variables"] == {"N": params, "D": run.tokens}
    refused = optimoe(*asked, "--out", out)
    assert refused.returncode == 2 and "--out: must stand beside --candidates" in refused.stderr


def test_laws_are_held_against_the_largest_runs_of_a_trainers_records(tmp_path, runs):
    records = save_store(tmp_path / "store").records_file
    laws = ["--law", "ludziejewski2025", "--law", "besiroglu2024", "--family", "yun"]
    words = ["laws", "back-test", records, *laws, "--holdout", "train_flops > 1.5e16"]
    found = answer(*words, "--anchors", "1,2", "--choices", 2)
    assert {(test["way"], test["runs"]) for test in found["tests"]} >= {
        ("as published", 0),
        ("anchored", 2),
        ("fitted", 4),
    }
    assert (found["seen"] + found["held"], found["rule"]) == (8, "train_flops > 1.5e16")
    assert set(found["silent"]) == {"besiroglu2024"}  # it ranks no experts
    assert found["seed_spread"] == pytest.approx(0.01 / 2**0.5)  # two seeds of each, 0.01 nats apart
    page = tmp_path / "page.html"
    said = optimoe(*words, "--anchors", 1, "--page", page).stdout
    decision = said.partition(";")[0].replace("\n", " ")
    assert "best: " in decision and decision in page.read_text()
    assert "Not tested  besiroglu2024: not applicable" in said
    for wrong, line in (
        ([*words, "--anchors", "one"], "--anchors: must be numbers of runs like 1,4,16, got 'one'"),
        ([*words, "--law", "epoch2024"], "law: must give a loss for a model, got epoch2024"),
        (["laws", "back-test", runs, "--holdout", "train_flops > 1.5e16"], "runs: must be records of a trainer"),
    ):
        done = optimoe(*wrong)
        assert (done.returncode, line in done.stderr) == (2, True), done.stderr


def test_a_training_curve_stands_beside_a_law(runs):
    label = [*COLUMNS, "--labels", "run=model", "--law", "besiroglu2024"]
    record = answer("laws", "curve", runs, *label)
    assert [len(curve["tokens"]) for curve in record["curves"]] == [5] * 6
    assert all(abs(curve["last_log"]) < 0.01 for curve in record["curves"])
    one = answer("laws", "curve", runs, *label, "--run", "run1e+08")
    assert [curve["run"] for curve in one["curves"]] == ["run1e+08"]
    words = optimoe("laws", "curve", runs, *label, "--run", "run1e+08").stdout
    assert "ln ratio" in words
    assert "Shape" in words


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["compare-families", "--family", "nobody"], "nobody"),
        (["compare-families", "--family", "chinchilla", "--folds", "1"], "folds"),
        (["compare-families", "--family", "ludziejewski2025"], "N_act"),
        (["next-runs", "--family", "chinchilla", "--budget", "1e10"], "budget: must be at least the cheapest"),
        (["next-runs", "--family", "chinchilla", "--budget", "1e21", "--criterion", "I"], "--target: N: missing"),
        (["next-runs", "--family", "chinchilla", "--budget", "1e21", "--criterion", "decision"], "--at-flops"),
        (["next-runs", "--family", "chinchilla", "--budget", "1e21", "--grid", "N=1:2:x"], "--grid: N"),
        (["next-runs", "--family", "chinchilla", "--budget", "1e21", "--grid", "G=1:2"], "--grid: G"),
        (["next-runs", "--family", "chinchilla", "--budget", "1e21", "--most", "0"], "most"),
        (["curve", "--law", "besiroglu2024"], "labelled by run"),
        (["curve", "--law", "besiroglu2024", "--labels", "run=model", "--run", "none"], "run: must be one of"),
    ],
)
def test_bad_input_is_one_line(runs, words, line):
    done = optimoe("laws", words[0], runs, *COLUMNS, *words[1:])
    assert done.returncode == 2, done.stderr
    assert done.stderr.count("\n") == 1
    assert line in done.stderr
