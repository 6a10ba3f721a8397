import json
import tomllib
from dataclasses import replace

import pytest

from optimoe.core.config import load_toml, save_toml
from optimoe.core.errors import ConfigError, InputError, UnknownNameError
from optimoe.core.run import RunSpec, Schedule, load_runs, runs_toml, save_runs
from tests.core.run.cases import CONFIG, HOSTILE, RUN

PLAIN = RunSpec(
    name="b", architecture=CONFIG, tokens=10, batch_tokens=4, seq_len=2, schedule=Schedule(peak_rate=1e-3)
)


@pytest.mark.parametrize("ending", ["toml", "json"])
@pytest.mark.parametrize("runs", [(RUN,), (RUN, PLAIN)])
def test_runs_survive_a_file(tmp_path, ending, runs):
    path = tmp_path / f"{HOSTILE}.{ending}"
    save_runs(path, runs, plan={"law_source": HOSTILE}, comment="who wrote it")
    back = load_runs(path)
    assert back == runs
    assert [run.run_id for run in back] == [run.run_id for run in runs]
    assert type(back[0].tokens) is int
    assert back[0].architecture["rope_scaling"] == {"factor": 2.0, "original": None}


def test_a_file_holds_every_default(tmp_path):
    save_runs(tmp_path / "run.toml", [PLAIN])
    table = load_toml(tmp_path / "run.toml")["run"]
    assert table["optimizer"]["betas"] == [0.9, 0.95]
    assert table["schedule"]["cooldown_share"] == 0.2
    assert table["precision"] == "bf16"
    assert table["architecture"]["null"] == ["sliding_window"]
    assert "layout" not in table


def test_a_run_that_people_write_needs_no_defaults(tmp_path):
    path = tmp_path / "run.toml"
    path.write_text(
        '[run]\nname = "b"\ntokens = 10\nbatch_tokens = 4\nseq_len = 2\nschedule.peak_rate = 1e-3\n'
        '[run.architecture]\nmodel_type = "mixtral"\n'
    )
    (run,) = load_runs(path)
    assert run == replace(PLAIN, architecture={"model_type": "mixtral"})


def broken(**changes):
    table = tomllib.loads(runs_toml([PLAIN]))["run"]
    return {"run": {key: value for key, value in (table | changes).items() if value != "absent"}}


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({}, "must hold a table [run]"),
        ({"run": []}, "must hold a table [run]"),
        ({"run": [1]}, "must hold a table [run]"),
        ({"runs": []}, "table: unknown name 'runs' (nearest: run)"),
        (broken(tokens="10"), "run b: Expected `int`, got `str` - at `tokens`"),
        (broken(tokens="absent"), "run b: Object missing required field `tokens`"),
        (broken(tokens=-1), "run b: tokens: must be positive, got -1"),
        (broken(token=1), "run b: field: unknown name 'token' (nearest: tokens"),
        (broken(name=3), "run 1: Expected `str`, got `int` - at `name`"),
        (broken(schedule={"peak": 1.0}), "run b: schedule: field: unknown name 'peak' (nearest: peak_rate"),
        (broken(schedule={"peak_rate": 1.0, "kind": "cos"}), "run b: schedule: kind: unknown name 'cos' (nearest"),
        (broken(optimizer={"betas": [0.9]}), "run b: Expected `array` of length 2, got 1 - at `optimizer.betas`"),
        (
            broken(data={"sources": [{"nam": "a"}]}),
            "run b: data: sources: field: unknown name 'nam' (nearest: name)",
        ),
        (broken(architecture={"model_type": "a", "null": 1}), "null: must list names of fields that are absent"),
        (broken(architecture={"model_type": "a", "null": ["model_type"]}), "null: must list names of fields"),
        ({"run": [broken()["run"]] * 2}, "name: must be unique, got 'b' twice"),
    ],
)
def test_a_file_that_is_no_run_is_one_line_with_file_run_field_and_limit(tmp_path, table, words):
    path = tmp_path / "runs.toml"
    save_toml(path, table)
    with pytest.raises((ConfigError, UnknownNameError)) as caught:
        load_runs(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_without_runs_or_of_another_ending_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="one run or more"):
        save_runs(tmp_path / "runs.toml", [])
    with pytest.raises(ConfigError, match="must be unique"):
        save_runs(tmp_path / "runs.json", [RUN, RUN])
    for act in (lambda path: save_runs(path, [RUN]), load_runs):
        with pytest.raises(InputError, match=r"must end in \.toml or \.json"):
            act(tmp_path / "runs.yaml")
    assert not list(tmp_path.iterdir())


def test_json_of_runs_is_json_that_others_read(tmp_path):
    save_runs(tmp_path / "runs.json", [RUN, PLAIN])
    rows = json.loads((tmp_path / "runs.json").read_text())["run"]
    assert [row["name"] for row in rows] == [HOSTILE, "b"]
    assert rows[0]["architecture"] == CONFIG
