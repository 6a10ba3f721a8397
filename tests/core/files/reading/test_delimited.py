"""Tables of delimited text."""

import csv

import pytest

from optimoe.core.errors import ConfigError
from optimoe.core.files.reading.delimited import DelimitedText


def table(tmp_path, text, encoding="utf-8", name="runs.csv"):
    path = tmp_path / name
    path.write_bytes(text.encode(encoding))
    return DelimitedText.open(path)


def rows(read):
    return [row for block in read.blocks() for row in zip(*block, strict=True)]


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_the_separator_is_the_one_that_splits_the_rows_like_the_header(tmp_path, separator):
    read = table(
        tmp_path, f"run{separator}loss, nats{separator}N\na{separator}2{separator}3\n".replace(", nats", "")
    )
    assert (read.separator, read.header) == (separator, ("run", "loss", "N"))
    assert rows(read) == [("a", "2", "3")]


def test_decimal_commas_do_not_make_the_comma_the_separator(tmp_path):
    assert rows(table(tmp_path, "N;loss\n1,5;2,5\n3,5;4,5\n")) == [("1,5", "2,5"), ("3,5", "4,5")]


def test_names_with_commas_do_not_make_the_comma_the_separator(tmp_path):
    assert table(tmp_path, "loss (train, mean)\ttokens (B)\n2.5\t1\n").header == (
        "loss (train, mean)",
        "tokens (B)",
    )


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_byte_order_marks_are_read_and_are_no_part_of_a_name(tmp_path, encoding):
    read = table(tmp_path, "N,loss\n1,µ\n", encoding)
    assert (read.header, rows(read)) == (("N", "loss"), [("1", "µ")])


def test_a_line_that_names_the_separator_is_no_header(tmp_path):
    read = table(tmp_path, "sep=|\nN|loss\n1|2\n")
    assert (read.header, rows(read)) == (("N", "loss"), [("1", "2")])


def test_cells_longer_than_the_default_of_the_csv_module_are_read(tmp_path):
    csv.field_size_limit(131_072)
    long = "x" * 200_000
    assert rows(table(tmp_path, f"config,N\n{long},1\n")) == [(long, "1")]


def test_quoted_cells_may_hold_separators_and_line_ends(tmp_path):
    assert rows(table(tmp_path, 'note,N\n"a, b\nc",1\n')) == [("a, b\nc", "1")]


def test_blank_lines_are_no_rows_and_missing_cells_are_empty(tmp_path):
    assert rows(table(tmp_path, "N,D,loss\n1,2,3\n\n4,5\n")) == [("1", "2", "3"), ("4", "5", "")]


def test_blocks_hold_all_rows_in_order(tmp_path, monkeypatch):
    monkeypatch.setattr("optimoe.core.files.reading.delimited.BLOCK_ROWS", 3)
    read = table(tmp_path, "N\n" + "".join(f"{number}\n" for number in range(8)))
    assert [len(block[0]) for block in read.blocks()] == [3, 3, 2]
    assert rows(read) == [(str(number),) for number in range(8)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "runs.csv: must be a table with a header, got an empty file"),
        ("\n \n", "an empty file"),
        ("1e8,2e9,3.1\n2e8,3e9,2.9\n", "whose first line names its columns, got 1e8, 2e9, 3.1"),
        ("N,loss,loss\n1,2,3\n", "of different columns, got loss twice"),
    ],
)
def test_a_table_without_a_usable_header_is_one_line(tmp_path, text, words):
    with pytest.raises(ConfigError, match=words):
        table(tmp_path, text)


def test_a_row_with_more_cells_than_the_header_is_named(tmp_path):
    read = table(tmp_path, "N,D,loss\n1,2,3\n1,2,3,5\n")
    with pytest.raises(
        ConfigError, match=r"row 2: must have 3 cells like the header, got 4 .*separated by a comma"
    ):
        rows(read)


def test_a_quote_that_stays_open_is_refused_with_its_line(tmp_path):
    read = table(tmp_path, 'N,note\n1,a\n2,"b\n3,c\n4,d\n')
    with pytest.raises(ConfigError, match=r"runs.csv:5: cannot be read as a table .unexpected end of data"):
        rows(read)


def test_a_table_of_more_columns_than_any_tracker_writes_is_refused_at_once(tmp_path):
    wide = ",".join(f"c{number}" for number in range(100_000))
    with pytest.raises(ConfigError, match="at most 10,000 columns, got 100000"):
        table(tmp_path, f"{wide}\n1\n")
