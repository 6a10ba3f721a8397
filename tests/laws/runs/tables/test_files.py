"""Tables as people have them: files, frames and trackers' exports."""

import json

import pytest

from optimoe.core.errors import ConfigError, UnknownNameError
from optimoe.laws.runs import as_observations, load_observations
from optimoe.laws.runs.tables.files import read_table, read_tables
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


TEXTS = {
    "runs.csv": "params,tokens,val\n100M,1B,3.0\n200M,1B,2.8\n0.4B,2B,2.6\n",
    "thousands.csv": 'params,tokens,val\n"100,000,000",1e9,3.0\n"200,000,000",1e9,2.8\n"400,000,000",2e9,2.6\n',
    "runs.tsv": "params\ttokens\tval\n1e8\t1e9\t3.0\n2e8\t1e9\t2.8\n4e8\t2e9\t2.6\n",
    "runs.txt": "params|tokens|val\n1e8|1e9|3.0\n2e8|1e9|2.8\n4e8|2e9|2.6\n",
    "excel.csv": "params;tokens;val\n100.000.000;1e9;3,0\n200.000.000;1e9;2,8\n400.000.000;2e9;2,6\n",
    "grouped.CSV": "params;tokens;val\n100 000 000;1e9;3\n200 000 000;1e9;2.8\n400 000 000;2e9;2.6\n",
    "blanks.csv": "params,tokens,val,note\n1e8,1e9,3.0,\n2e8,1e9,2.8,NA\n4e8,2e9,2.6,7\n",
}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("name", TEXTS)
def test_texts_are_read_as_spreadsheets_and_people_write_them(tmp_path, name, encoding):
    (tmp_path / name).write_bytes(TEXTS[name].encode(encoding))
    runs = load_observations(tmp_path / name, MAPPING)
    assert runs.column("N").tolist() == TABLE["params"]
    assert runs.column("D").tolist() == TABLE["tokens"]
    assert runs.loss.tolist() == TABLE["val"]


def test_a_column_whose_first_text_stands_far_below_is_read_again(tmp_path, monkeypatch):
    monkeypatch.setattr("optimoe.core.files.reading.delimited.BLOCK_ROWS", 2)
    (tmp_path / "runs.csv").write_text("N,kind\n1e8,01\n2e8,02\n3e8,x\n4e8,03\n5e8,04\n")
    assert read_table(tmp_path / "runs.csv")["kind"].tolist() == ["01", "02", "x", "03", "04"]


def test_ids_are_read_as_they_are_written(tmp_path):
    path = write_csv(tmp_path / "runs.csv", TABLE | {"run": ["007", "7", "1e3"]})
    assert load_observations(path, MAPPING).labels["run"].tolist() == ["007", "7", "1e3"]


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("runs.csv", "", "runs.csv: must be a table with a header, got an empty file"),
        ("runs.csv", "params,tokens,val\n", "runs.csv: must be a table with rows, got a header alone"),
        ("runs.xlsx", "PK", r"must be a file that ends in .csv, .tsv, .* got .xlsx"),
        ("runs", "a,b\n1,2\n", "got none"),
        ("runs.json", "5", "runs.json: must be records or columns, got int"),
        ("runs.json", "[null]", r"runs.json: table: record 1: must be a table of values by name, got None"),
        ("runs.json", '{"params": 1}', "runs.json: table: params: must be a column of values, got 1"),
        ("runs.json", '{"params": [1], "val": [1, 2]}', r"of columns of one length, got \[1, 2\]"),
        ("runs.json", "[" * 100_000, "at most 64 tables and lists deep"),
        ("runs.jsonl", "", "got an empty file"),
        ("runs.parquet", "x", "cannot be read as Parquet"),
    ],
)
def test_files_that_hold_no_table_are_one_line(tmp_path, name, text, words):
    if name.endswith("parquet"):
        pytest.importorskip("pyarrow")
    (tmp_path / name).write_text(text)
    with pytest.raises(ConfigError, match=words):
        load_observations(tmp_path / name, MAPPING)


def test_decimal_commas_between_commas_are_refused_with_the_cell(tmp_path):
    (tmp_path / "runs.csv").write_text('params,tokens,val\n1e8,1e9,"3,0"\n2e8,1e9,"2,85"\n')
    with pytest.raises(ConfigError, match=r"loss: must be numbers, got text, '3,0' in row 1 .a decimal comma"):
        load_observations(tmp_path / "runs.csv", MAPPING)


def test_thousands_that_could_be_decimals_are_refused_with_the_cell(tmp_path):
    (tmp_path / "runs.csv").write_text("params;tokens;val\n1e8;1,234;3\n2e8;5,678;2\n")
    with pytest.raises(ConfigError, match=r"D: must be numbers, got text, '1,234' in row 1 .a decimal comma"):
        load_observations(tmp_path / "runs.csv", MAPPING)


def test_a_slip_in_a_column_of_numbers_is_named_by_row_and_can_be_left_out(tmp_path):
    path = write_csv(tmp_path / "runs.csv", TABLE | {"val": [3.0, "OOM", 2.6]})
    with pytest.raises(ConfigError, match="row 2: val is 'OOM'"):
        load_observations(path, MAPPING)
    assert load_observations(path, MAPPING, bad_rows="exclude").loss.tolist() == [3.0, 2.6]


def test_a_table_of_more_rows_than_fit_is_refused(tmp_path, monkeypatch):
    for reader in ("delimited", "parquet"):
        monkeypatch.setattr(f"optimoe.core.files.reading.{reader}.MOST_ROWS", 2)
    with pytest.raises(ConfigError, match="at most 2 rows"):
        load_observations(write_csv(tmp_path / "runs.csv", TABLE), MAPPING)
    polars = pytest.importorskip("polars")
    polars.DataFrame(TABLE).write_parquet(tmp_path / "runs.parquet")
    with pytest.raises(ConfigError, match="at most 2 rows"):
        load_observations(tmp_path / "runs.parquet", MAPPING)


def test_text_in_one_file_and_numbers_in_another_are_text(tmp_path):
    paths = [
        write_csv(tmp_path / f"{name}.csv", TABLE | {"k": k}) for name, k in (("a", [1, 2, 3]), ("b", list("xyz")))
    ]
    stacked = read_tables(paths)
    assert stacked["k"].tolist() == ["1", "2", "3", "x", "y", "z"]
    assert stacked["params"].dtype == float
