import json

import numpy as np
import pytest

from optimoe.core.errors import ConfigError, UnknownNameError
from optimoe.laws.runs import as_observations, load_observations

TABLE = {"params": [1e8, 2e8, 4e8], "tokens": [1e9, 1e9, 2e9], "val": [3.0, 2.8, 2.6]}
MAPPING = {"N": "params", "D": "tokens", "loss": "val"}


def write_csv(path, table):
    rows = [",".join(table), *(",".join(map(str, row)) for row in zip(*table.values(), strict=True))]
    path.write_text("\n".join(rows) + "\n")
    return path


def test_columns_are_mapped_by_formula(tmp_path):
    path = write_csv(tmp_path / "runs.csv", {"size_b": [0.1, 0.2], "flops": [6e17, 1.2e18], "val": [3, 2.8]})
    runs = load_observations(path, {"N": "size_b*1e9", "D": "flops/(6*size_b*1e9)", "loss": "val"})
    np.testing.assert_allclose(runs.column("N"), [1e8, 2e8])
    np.testing.assert_allclose(runs.column("D"), [1e9, 1e9])
    np.testing.assert_allclose(runs.size, [6e17, 1.2e18])


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


def test_rows_are_chosen_by_condition_and_keep_their_numbers():
    runs = as_observations(TABLE | {"router": ["Hash", "S-Base", "S-Base"]}, MAPPING, where="router == 'S-Base'")
    assert runs.rows.tolist() == [2, 3]


@pytest.mark.parametrize(
    ("column", "values", "reason"),
    [
        ("val", [3.0, "nan", 2.6], "row 2: loss is nan"),
        ("val", [3.0, "", 2.6], "row 2: loss is nan"),
        ("tokens", [1e9, 0, 2e9], "row 2: D is 0"),
        ("status", ["finished", "crashed", "FINISHED"], "row 2: status is crashed"),
        ("params", [1e8, 1e8, 4e8], "row 2: repeats an earlier row"),
    ],
)
def test_rows_that_cannot_be_used_are_refused_or_flagged(column, values, reason):
    table = TABLE | {column: values}
    if column == "params":
        table |= {"val": [3.0, 3.0, 2.6]}
    with pytest.raises(ConfigError, match=reason):
        as_observations(table, MAPPING)
    runs = as_observations(table, MAPPING, bad_rows="exclude")
    assert runs.rows.tolist() == [1, 3]
    assert [(flag.row, flag.used) for flag in runs.flags] == [(2, False)]
    assert runs.flags[0].reason.startswith(reason.removeprefix("row 2: "))


def test_repeats_with_another_seed_are_no_duplicates():
    table = {"N": [1e8, 1e8], "D": [1e9, 1e9], "loss": [3.0, 3.0], "seed": [1, 2]}
    assert len(as_observations(table)) == 2


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"params": [0.1, 0.2, 0.4]}, "N: must be in parameters"),
        ({"tokens": [1, 1, 2]}, "D: must be in tokens"),
        ({"val": [30, 28, 26]}, "loss: must be in nats"),
        ({"tokenizer": ["gpt2", "gpt2", "llama"]}, "tokenizer: must be one in all rows"),
        ({"dataset": ["c4", "pile", "c4"]}, "dataset: must be one in all rows"),
        ({"val": ["low", "high", "low"]}, "loss: must be numbers"),
    ],
)
def test_wrong_units_and_mixtures_are_refused(change, words):
    with pytest.raises(ConfigError, match=words):
        as_observations(TABLE | change, MAPPING)


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


def test_a_missing_file_or_column_is_one_line(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read"):
        load_observations(tmp_path / "none.csv", MAPPING)
    with pytest.raises(UnknownNameError, match="param"):
        as_observations(TABLE, {"N": "param", "loss": "val"})
    with pytest.raises(ConfigError, match="called loss"):
        as_observations(TABLE)
