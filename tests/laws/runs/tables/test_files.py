"""Tables as people have them: files, frames and trackers' exports."""

import json

import pytest

from optimoe.core.errors import ConfigError, UnknownNameError
from optimoe.laws.runs import as_observations, load_observations
from tests.laws.tables import MAPPING, TABLE, write_csv


@pytest.mark.parametrize("name", ["runs.json", "records.json", "runs.jsonl"])
def test_json_tables_are_read(tmp_path, name):
    records = [dict(zip(TABLE, row, strict=True)) for row in zip(*TABLE.values(), strict=True)]
    text = {
        "runs.json": json.dumps(TABLE),
        "records.json": json.dumps(records),
        "runs.jsonl": "\n".join(map(json.dumps, records)),
    }[name]
    (tmp_path / name).write_text(text)
    assert load_observations(tmp_path / name, MAPPING).loss.tolist() == TABLE["val"]


def test_several_files_are_one_table_whose_label_file_says_which(tmp_path):
    for folder in ("ours", "theirs"):
        (tmp_path / folder).mkdir()
    small = write_csv(tmp_path / "ours" / "runs.csv", {"params": [1e8], "tokens": [2e9], "val": [3.1]})
    large = write_csv(tmp_path / "theirs" / "runs.csv", {"tokens": [4e9], "val": [2.9], "params": [2e8]})
    other = write_csv(tmp_path / "ours" / "late.csv", {"params": [3e8], "tokens": [4e9], "val": [2.7]})
    runs = load_observations([small, other], MAPPING)
    assert runs.labels["file"].tolist() == ["runs", "late"]
    assert runs.column("N").tolist() == [1e8, 3e8]
    assert load_observations([small, large], MAPPING).labels["file"].tolist() == ["ours/runs", "theirs/runs"]
    with pytest.raises(ConfigError, match="runs: must be different files"):
        load_observations([small, small], MAPPING)


def test_a_formula_cannot_do_more_than_arithmetic():
    for formula in (
        "__import__('os').getcwd()",
        "params.__class__",
        "[1, 2]",
        "tokens if val else 1",
        "f(val)",
    ):
        with pytest.raises((ConfigError, UnknownNameError)):
            as_observations(TABLE, MAPPING | {"D": formula})


def test_tensorboard_exports_are_read_one_file_a_run(tmp_path):
    for run, losses in (("small", (3.0, 2.9)), ("large", (2.8, 2.7))):
        table = {"Wall time": [1, 2], "Step": [100, 200], "Value": losses}
        write_csv(tmp_path / f"run-{run}-tag-eval_loss.csv", table)
    runs = load_observations(tmp_path, {"D": "step*1e6", "loss": "loss"})
    assert runs.labels["run"].tolist() == ["large", "large", "small", "small"]
    assert runs.column("D").tolist() == [1e8, 2e8, 1e8, 2e8]
    (tmp_path / "run-x-tag-y.json").write_text("[[1.5, 100, 3.0], [2.5, 200, 2.9]]")
    assert load_observations(tmp_path / "run-x-tag-y.json", {"D": "step*1e6", "loss": "loss"}).loss[1] == 2.9


def test_mlflow_run_tables_are_read(tmp_path):
    table = {
        "run_id": ["a", "b"],
        "status": ["FINISHED", "FAILED"],
        "params.N": [1e8, 2e8],
        "metrics.loss": [3, 2.8],
    }
    mapping = {"N": "params.N", "loss": "metrics.loss"}
    runs = load_observations(write_csv(tmp_path / "mlflow.csv", table), mapping, bad_rows="exclude")
    assert (runs.labels["run"].tolist(), runs.flags[0].reason) == (["a"], "status is FAILED")


def test_wandb_exports_are_read(tmp_path):
    names = '"Step","small - loss","small - loss__MIN","large - loss","large - loss__MAX"'
    (tmp_path / "chart.csv").write_text(f"{names}\n1,3.0,3.0,2.8,2.8\n2,2.9,2.9,,\n")
    runs = load_observations(tmp_path / "chart.csv", {"D": "step*1e9", "loss": "loss"})
    assert sorted(zip(runs.labels["run"], runs.loss, strict=True)) == [
        ("large", 2.8),
        ("small", 2.9),
        ("small", 3.0),
    ]
    table = """summary,config,name\n"{'loss': 3.0}","{'N': 100000000, 'opt': {'lr': 0.1}}",small\n"""
    (tmp_path / "table.csv").write_text(table)
    runs = load_observations(tmp_path / "table.csv", {"N": "config.N", "loss": "summary.loss"})
    assert (runs.labels["run"].tolist(), runs.column("N").tolist()) == (["small"], [1e8])


@pytest.mark.parametrize("library", ["polars", "pandas", "pyarrow"])
def test_any_frame_is_a_table(library):
    module = pytest.importorskip(library)
    pytest.importorskip("narwhals")
    frame = (module.table if library == "pyarrow" else module.DataFrame)(TABLE)
    assert as_observations(frame, MAPPING).column("N").tolist() == TABLE["params"]


def test_parquet_is_read(tmp_path):
    polars = pytest.importorskip("polars")
    polars.DataFrame(TABLE).write_parquet(tmp_path / "runs.parquet")
    assert load_observations(tmp_path / "runs.parquet", MAPPING).loss.tolist() == TABLE["val"]
