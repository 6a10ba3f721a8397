"""From a plan to its proxies, from their records to a law, from the law to the next plan, by three commands."""

from pathlib import Path

from optimoe.app.main import app
from optimoe.core.run import load_run_records, load_runs
from tests.app.run import FEW_DESIGNS, answer
from tests.trainer.world import write_text

PLAN = ("plan", "--train-flops", "4e18", "--serve-tokens", "1B", "--vocab", "257", "--experts", "1,8", "--quick")
FEW = ("--top-k", "2", *FEW_DESIGNS[2:-1], "1xh100-sxm")
TINY = (
    "--share", "4e-5", "--batch-tokens", "512", "--seq-len", "64", "--evaluations", "1", "--eval-tokens", "200",
    "--precision", "fp32", "--held-out", "0.1", "--threads", "1",
)  # fmt: skip


def test_the_proxies_of_a_plan_are_trained_anchor_a_law_and_the_law_plans(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_text(Path("text"))
    first = answer(*PLAN, *FEW, "--out", "first", cwd=tmp_path)
    few = [run.name for run in load_runs(Path("first/winner/proxies.toml"))][:3]
    only = [word for name in few for word in ("--only", name)]
    app(["train", "first/winner/proxies.toml", "--data", "text", *TINY, *only])
    records = load_run_records(Path("runs/records.jsonl")).records
    anchored = answer("laws", "anchor", "optimoe2026", "runs/records.jsonl", "--out", "ours.toml", cwd=tmp_path)
    assert [record.run.name for record in records] == few and anchored["runs"] == 3
    again = answer(*PLAN, *FEW, "--law", "ours.toml", cwd=tmp_path)
    assert again["choice"]["loss"] != first["choice"]["loss"]
