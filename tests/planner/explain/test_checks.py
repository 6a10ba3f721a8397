"""The commands beside a plan give its numbers again."""

import json
import shlex
from dataclasses import replace
from pathlib import Path

import pytest

from optimoe.app.main import app
from optimoe.arch.hf import to_config
from optimoe.planner.explain.checks import check_commands
from optimoe.planner.plan import plan
from tests.planner.asked import SMALL, on, problem


@pytest.fixture(scope="module")
def result():
    """A plan whose run has a layout."""
    return plan(replace(on(16, days=5.0), space=replace(SMALL, num_experts=(1, 8), max_width=2048, depth_step=8)))


def test_each_command_gives_the_same_dollars_from_the_written_files(result, tmp_path, monkeypatch, capsys):
    (tmp_path / "winner").mkdir()
    (tmp_path / "winner" / "config.json").write_text(json.dumps(to_config(result.choice.spec)))
    monkeypatch.chdir(tmp_path)
    found = []
    for command in check_commands(result):
        app([*shlex.split(command)[1:], "--json"])
        found.append(json.loads(capsys.readouterr().out))
    served, trained = found
    assert served["usd_per_mtok"] == result.choice.usd_per_mtok
    assert trained["usd"] == pytest.approx(result.choice.train_usd, rel=1e-11)  # of twelve digits of tokens


def test_a_command_states_what_is_not_usual_and_where_the_files_are():
    asked = plan(problem())  # the utilisation is given, so that no layout of training is known
    (line,) = check_commands(asked, Path("my plan"))
    assert line == "optimoe cost 'my plan/winner' --gpus 8xh100-sxm --tpot 0.05s --gpu-usd-per-hour 2"


def test_no_command_stands_for_an_engine_that_its_options_do_not_state(result):
    deployment = result.choice.deployment
    odd = replace(deployment, engine=replace(deployment.engine, draft_tokens=3, acceptance=0.7))
    (line,) = check_commands(replace(result, choice=replace(result.choice, deployment=odd)))
    assert line.startswith("optimoe cost train winner ")
