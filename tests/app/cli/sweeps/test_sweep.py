"""``optimoe sweep`` and its store, by the command line alone."""

import csv
import json
import subprocess
import sys
from dataclasses import replace

import pyarrow.parquet
import pytest

from optimoe.app.main import app, main
from optimoe.core.run import load_run_records
from optimoe.trainer.sweep.pace import Reckoning, SweepEstimate
from optimoe.trainer.sweep.store import Failure, SweepStore
from tests.trainer.sweeps import save_store
from tests.trainer.world import make_run, write_text

GRID = """
[run]
batch_tokens = 128
seq_len = 32
precision = "fp32"
schedule = { peak_rate = 3e-3, warmup_tokens = 128 }
[design]
d_model = 16
num_layers = 2
head_dim = 8
active_ffn_ratio = 2
[[grid]]
axes = { num_experts = [1, 4], tokens = [640, 1280] }
"""
QUICK = ("--workers", "1", "--device", "cpu", "--eval-tokens", "500", "--held-out", "0.1", "--evaluations", "1")


@pytest.fixture
def here(tmp_path, monkeypatch):
    write_text(tmp_path / "text")
    (tmp_path / "grid.toml").write_text(GRID)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def store(tmp_path):
    return save_store(tmp_path / "store")


def answer(capsys, *words):
    app([*map(str, words), "--json"])
    return json.loads(capsys.readouterr().out)


def refused(capsys, *words):
    with pytest.raises(SystemExit) as end:
        main([*map(str, words)])
    return end.value.code, capsys.readouterr().err.splitlines()[-1].removeprefix("optimoe: ")


def test_a_grid_is_done_once_and_says_beforehand_what_it_takes(here, capsys, monkeypatch):
    words = ("sweep", "grid.toml", "--data", "text", *QUICK)
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    code, line = refused(capsys, *words)
    assert (code, line) == (2, "--yes: must be given where nobody can be asked")
    app([*words, "--yes"])
    said = capsys.readouterr()
    assert "optimoe: sweep: 4 runs, " in said.err and "optimoe: 4 of 4 runs over" in said.err
    assert "4 finished" in said.out and "e4-1280" in said.out
    found = answer(capsys, *words)
    assert found["counts"] == {"finished": 4} and found["reckoning"] is None
    assert len(load_run_records(here / "sweep/records.jsonl").records) == 4
    assert answer(capsys, "sweep", "status", "sweep")["runs"] == found["runs"]
    assert refused(capsys, *words, "--seed", "3")[1].startswith("sweep/e1-640: must be e1-640, as it was when")
    code, line = refused(capsys, *words, "--only", "e9")
    assert code == 2 and line.startswith("only: unknown name 'e9'")


def test_status_says_what_runs_were_thought_to_take_and_what_they_took(here, capsys):
    store = SweepStore(here / "store")
    store.add([make_run(5, name="one")])
    assert answer(capsys, "sweep", "status", "store")["reckoning"] is None
    before = SweepEstimate(num_runs=9, flops=1e12, worker_seconds=900.0, seconds=450.0, usd=0.0)
    settled = replace(before, num_runs=4, worker_seconds=400.0)
    found = Reckoning(
        before=before, settled=settled, worker_seconds=330.0, worker_seconds_thought=300.0, num_runs=3
    )
    store.save_reckoning(found)
    app(["sweep", "status", "store"])
    said = " ".join(capsys.readouterr().out.split())
    assert "9 runs, 1.00T FLOP, 450 s (15.0 min of one worker) before the first" in said and "1.10 times" in said
    assert answer(capsys, "sweep", "status", "store")["reckoning"]["ratio"] == pytest.approx(1.1)


def test_runs_that_were_given_up_are_listed_and_may_be_tried_again(here, capsys):
    store = SweepStore(here / "store")
    store.add([make_run(5, name="bad")])
    store.give_up(make_run(5, name="bad"), Failure(attempts=3, line="its worker was killed by SIGKILL"))
    app(["sweep", "status", "store"])
    assert "bad: its worker was killed by SIGKILL" in capsys.readouterr().out
    assert answer(capsys, "sweep", "retry", "store")["runs"] == ["bad"]
    assert answer(capsys, "sweep", "status", "store")["counts"] == {"waiting": 1}
    assert refused(capsys, "sweep", "retry", "store", "--only", "good")[1].startswith("only: unknown name 'good'")


def test_records_are_exported_for_other_tools(store, capsys, tmp_path):
    for ending in ("csv", "parquet", "jsonl"):
        assert answer(capsys, "sweep", "export", store.path, tmp_path / f"runs.{ending}")["num_runs"] == 8
    rows = list(csv.DictReader((tmp_path / "runs.csv").read_text().splitlines()))
    table = pyarrow.parquet.read_table(tmp_path / "runs.parquet").to_pylist()
    assert [row["name"] for row in rows] == [row["name"] for row in table]
    assert [float(row["loss"]) for row in rows] == [row["loss"] for row in table]
    assert load_run_records(tmp_path / "runs.jsonl").records == load_run_records(store.records_file).records
    answer(capsys, "sweep", "export", store.path, tmp_path / "bare/records.jsonl", "--bare")
    whole, bare = (load_run_records(tmp_path / name).records[0] for name in ("runs.jsonl", "bare/records.jsonl"))
    assert whole.curve and bare == replace(
        whole, curve=(), by_stage=(), router={}, model={}, how={}, versions={}, host=""
    )
    words = ("--baseline", "e1", "--variant", "e4", "--alpha", "0.5", "--floor", "1.5", "--out", tmp_path / "gate")
    of_store, of_records = (
        answer(capsys, "sweep", "compare", where, *words) for where in (store.path, tmp_path / "bare")
    )
    assert of_store["rungs"] == of_records["rungs"]
    line = refused(capsys, "sweep", "export", store.path, "runs.xls")[1]
    assert line.startswith("out: ending: unknown name 'xls'")


def test_a_variant_is_held_against_a_baseline_and_the_verdict_is_kept(store, capsys):
    words = ("sweep", "compare", store.path, "--baseline", "e1", "--variant", "e4")
    stated = (*words, "--alpha", "0.5", "--floor", "1.5")
    found = answer(capsys, *stated)
    assert [rung["rung"] for rung in found["rungs"]] == ["10", "20"]
    assert found["rungs"][0]["loss_change"] == pytest.approx(-0.05)
    assert found["per_flop"]["value"] == pytest.approx(2 * found["per_second"]["value"])
    assert found["promoted_per_flop"] and not found["promoted_per_second"] and found["per_flop"]["num_seeds"] == 2
    kept = json.loads((store.path / "gates/e4-over-e1.json").read_text())
    assert kept["per_flop"] == found["per_flop"]
    app(list(map(str, stated)))
    assert "promoted" in capsys.readouterr().out
    assert found["pair_error"] == pytest.approx(0.0, abs=1e-9) and found["rungs"][0]["expected"] is None
    by_law = answer(capsys, *words, "--law", "besiroglu2024")
    assert by_law["slope_from"] == "besiroglu2024, along the ladder" and by_law["slope_draws"] > 100
    assert by_law["alpha_low"] < by_law["alpha"] < by_law["alpha_high"]
    app(list(map(str, (*words, "--law", "ludziejewski2025"))))
    said = capsys.readouterr().out
    assert "Seen from" in said and "by law" in said and "draws" in said
    assert refused(capsys, *words)[1] == "law: must be given, or --alpha with --floor, got both"
    assert "got 'e9'" in refused(capsys, *stated[:-5], "e9", *stated[-4:])[1]


def test_variants_are_compared_without_loading_pytorch(tmp_path):
    """Who reads what was trained waits for no library that trains."""
    store = save_store(tmp_path / "store").path
    words = ["sweep", "compare", str(store), "--baseline", "e1", "--variant", "e4", "--alpha", "0.1"]
    script = (
        "import atexit, sys; from optimoe.app.main import main\n"
        "atexit.register(lambda: print(sorted({'torch', 'optimoe.trainer.train'} & set(sys.modules))))\n"
        "main(sys.argv[1:])"
    )
    done = subprocess.run([sys.executable, "-c", script, *words], capture_output=True, text=True, check=False)
    assert done.stdout.splitlines()[-1:] == ["[]"], done.stderr
