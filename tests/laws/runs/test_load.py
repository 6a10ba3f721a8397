"""Which rows of a table are runs, and what is wrong with the others."""

import numpy as np
import pytest

from optimoe.core.errors import ConfigError, UnknownNameError
from optimoe.laws.runs import as_observations, load_designs, load_observations
from tests.laws.tables import MAPPING, TABLE, write_csv


def test_columns_are_mapped_by_formula(tmp_path):
    path = write_csv(tmp_path / "runs.csv", {"size_b": [0.1, 0.2], "flops": [6e17, 1.2e18], "val": [3, 2.8]})
    runs = load_observations(path, {"N": "size_b*1e9", "D": "flops/(6*size_b*1e9)", "loss": "val"})
    np.testing.assert_allclose(runs.column("N"), [1e8, 2e8])
    np.testing.assert_allclose(runs.column("D"), [1e9, 1e9])
    np.testing.assert_allclose(runs.size, [6e17, 1.2e18])


def test_rows_are_chosen_by_condition_and_keep_their_numbers():
    runs = as_observations(TABLE | {"router": ["Hash", "S-Base", "S-Base"]}, MAPPING, where="router == 'S-Base'")
    assert runs.rows.tolist() == [2, 3]


def test_text_is_named_by_its_row_in_the_table_whatever_rows_are_taken():
    table = TABLE | {"val": ["x", "low", "high"]}
    with pytest.raises(ConfigError, match="loss: must be numbers, got text, 'low' in row 2"):
        as_observations(table, MAPPING, where="params > 1e8")


def test_slips_in_a_column_that_no_formula_uses_keep_no_row_out():
    table = TABLE | {"val_2": [3.0, "OOM", 2.6], "para": ["1", "2", "x"], "va": ["1", "x", "2"]}
    assert len(as_observations(table, MAPPING)) == 3


def test_a_condition_that_no_row_meets_is_one_line():
    with pytest.raises(ConfigError, match="where: must be true in a row of table, got val > 9"):
        as_observations(TABLE, MAPPING, where="val > 9")


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


def test_a_missing_file_or_column_is_one_line(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read"):
        load_observations(tmp_path / "none.csv", MAPPING)
    with pytest.raises(UnknownNameError, match="param"):
        as_observations(TABLE, {"N": "param", "loss": "val"})
    with pytest.raises(ConfigError, match=r"no column for loss.*loss=COLUMN"):
        as_observations(TABLE)


def test_designs_are_read_without_a_loss_and_a_bad_one_by_its_row(tmp_path):
    path = write_csv(tmp_path / "next.csv", {"params": [1e9, 2e9], "tokens": ["20B", "40B"]})
    designs = load_designs((path,), MAPPING, ("N", "D"))
    assert designs["D"].tolist() == [2e10, 4e10]
    bad = write_csv(tmp_path / "bad.csv", {"params": [1e9, 0], "tokens": [1e10, 1e10]})
    with pytest.raises(ConfigError, match="row 2: N is 0"):
        load_designs((bad,), MAPPING, ("N", "D"))
    with pytest.raises(UnknownNameError, match="E"):
        load_designs((path,), MAPPING, ("N", "E"))
