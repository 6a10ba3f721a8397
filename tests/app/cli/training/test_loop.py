"""From a plan to its proxies, from their records to a law, and to the next plan: the commands of the tutorial."""

import json
import re
import shlex
from pathlib import Path

import pytest

from optimoe.app.main import app
from optimoe.core.run import load_run_records, load_runs
from tests.app.run import answer
from tests.trainer.world import write_text

TUTORIAL = Path(__file__).resolve().parents[4] / "docs" / "tutorial.md"


@pytest.fixture
def commands():
    (block,) = re.findall(r"```sh the loop\n(.*?)```", TUTORIAL.read_text(encoding="utf-8"), flags=re.DOTALL)
    return [shlex.split(line)[1:] for line in block.splitlines()]


def test_the_proxies_of_a_plan_are_trained_anchor_a_law_and_the_law_plans(commands, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_text(Path("text"))
    plan, train, anchor, plan_again = commands
    first = answer(*plan, cwd=tmp_path)
    few = [run.name for run in load_runs(Path("first/winner/proxies.toml"))][:3]
    app([*train, *(word for name in few for word in ("--only", name))])
    anchored = answer(*anchor, cwd=tmp_path)
    records = load_run_records(Path("runs/records.jsonl")).records
    assert [record.run.name for record in records] == few and anchored["runs"] == 3
    again = answer(*plan_again, cwd=tmp_path)
    assert again["choice"]["loss"] != first["choice"]["loss"]
    assert "ours" in json.dumps(again["choice"])
