"""Parquet as columns, a row group at a time, and never more than fits."""

import math

import pytest

from optimoe.core.errors import ConfigError
from optimoe.core.files.reading.parquet import read_parquet

arrow = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")


def written(tmp_path, columns, **how):
    path = tmp_path / "runs.parquet"
    parquet.write_table(arrow.table(columns), path, **how)
    return path


def test_numbers_texts_flags_and_blanks_survive_row_groups(tmp_path):
    columns = {
        "N": [1, 2, None, 4],
        "loss": [3.5, None, 2.5, 2.0],
        "run": ["a", "b", None, "a"],
        "moe": [True, False, None, True],
    }
    read = read_parquet(written(tmp_path, columns, row_group_size=2))
    assert list(read) == list(columns)
    assert read["N"][[0, 1, 3]].tolist() == [1.0, 2.0, 4.0] and math.isnan(read["N"][2])
    assert read["moe"][[0, 1, 3]].tolist() == [1.0, 0.0, 1.0]
    assert read["run"].tolist() == ["a", "b", None, "a"]


def test_records_are_columns_with_dotted_names(tmp_path):
    rows = {"config": [{"width": 8, "data": {"seed": 1}}, {"width": 16, "data": {"seed": 2}}]}
    read = read_parquet(written(tmp_path, rows))
    assert {name: column.tolist() for name, column in read.items()} == {
        "config.width": [8, 16],
        "config.data.seed": [1, 2],
    }


def test_equal_texts_are_one_object_however_many_rows_hold_them(tmp_path):
    long = "x" * 1_000_000  # a million rows of it would be a terabyte
    rows = arrow.DictionaryArray.from_arrays(arrow.array([0] * 1_000_000, arrow.int8()), arrow.array([long]))
    path = written(tmp_path, {"run": rows})
    assert path.stat().st_size < 2_000_000
    column = read_parquet(path)["run"]
    assert len(column) == 1_000_000 and column[0] is column[-1] and column[0] == long


@pytest.mark.parametrize(
    ("limit", "most", "words"),
    [
        ("MOST_ROWS", 2, "at most 2 rows, got 3"),
        ("MOST_COLUMNS", 1, "at most 1 columns, got 2"),
        ("MOST_CELLS", 5, "at most 5 cells, got"),
        ("MOST_UNPACKED", 10, "at most 10 bytes unpacked, got"),
    ],
)
def test_what_would_not_fit_is_refused_by_its_own_figures(tmp_path, monkeypatch, limit, most, words):
    monkeypatch.setattr(f"optimoe.core.files.reading.parquet.{limit}", most)
    with pytest.raises(ConfigError, match=words):
        read_parquet(written(tmp_path, {"a": [1, 2, 3], "b": ["x", "y", "z"]}))


def test_lists_inside_of_cells_count_as_cells(tmp_path, monkeypatch):
    monkeypatch.setattr("optimoe.core.files.reading.parquet.MOST_CELLS", 100)
    with pytest.raises(ConfigError, match="at most 100 cells, got 1,000"):
        read_parquet(written(tmp_path, {"tags": [[0] * 1000]}))
