"""Sentences, lines and tables fit the width that they are given, and lose nothing where there is none."""

from dataclasses import replace

import pytest

from optimoe.report.words.layout import blocks_text, columns_text, lines_text, table_text
from optimoe.report.words.lines import Table

LINES = [("Model", "mixtral-8x7b on 8 × h100-sxm " * 4), ("", "continued " * 20), ("Loss", "2.0")]
TABLE = Table(
    title="At the same loss",
    rows=[
        ("", "active", "total", "training", "total USD", "why not"),
        ("E = 8, top-2", "6.59B", "40.4B", "+31%", "$856k", "over budget"),
        ("dense", "7.36B", "7.36B", "+196%", "$892k", "reads more weights a token"),
    ],
    spare=("total", "training", "active"),
    words=("why not",),
)


@pytest.mark.parametrize("width", [60, 80, 120])
def test_no_row_is_wider_than_the_screen_or_ends_in_a_blank(width):
    rows = blocks_text(["A sentence that decides. " * 9, LINES, TABLE], width)
    assert max(map(len, rows)) <= width
    assert [row for row in rows if row != row.rstrip()] == []
    columns = columns_text([("name", *"abcdefghij"), ("one", *["a thousand"] * 10)], width)
    assert max(map(len, columns)) <= width


def test_without_a_width_each_text_stays_on_its_row():
    rows = blocks_text(["A sentence that decides. " * 9, LINES, TABLE])
    assert rows[0] == ("A sentence that decides. " * 9).rstrip()
    assert len(lines_text(LINES)) == len(LINES)
    assert len(columns_text([("name", *"abcdefghij"), ("one", *["a thousand"] * 10)])) == 2


def test_a_narrow_screen_leaves_out_the_columns_that_a_table_can_spare_and_wraps_none_of_its_rows():
    wide, narrow = table_text(TABLE, 120), table_text(TABLE, 60)
    assert len(wide) == len(narrow) == 1 + len(TABLE.rows)
    assert wide == table_text(TABLE)
    assert "training" not in narrow[1]
    assert "total USD" in narrow[1]
    assert narrow[2].endswith("over budget")
    head, *rows = TABLE.rows
    long = replace(
        TABLE, title="At the same loss " * 9, rows=[head, *((*row[:-1], 20 * "reason, ") for row in rows)]
    )
    cut = table_text(long, 60)
    assert max(map(len, cut)) <= 60
    assert cut[-1].endswith("reason…")


def test_words_begin_at_the_left_and_numbers_end_at_the_right():
    _, head, first, second = table_text(TABLE)
    assert head.index("why not") == first.index("over budget") == second.index("reads more")
    assert first.index("40.4B") + len("40.4B") == head.index("total") + len("total")


def test_a_text_stands_under_itself_and_a_long_label_on_a_row_of_its_own():
    first, second, *_ = lines_text(LINES, 40)
    assert first.startswith("Model  mixtral")
    assert second.startswith("       ")
    label, text = lines_text([("expert attention ratio at 3 of 129", "1.71")], 60)
    assert (label, text) == ("expert attention ratio at 3 of 129", "    1.71")
    assert lines_text([("", "")]) == [""]


def test_a_word_that_is_wider_than_the_screen_stays_whole():
    assert lines_text([("page", "a/" * 40)], 40) == ["page  " + "a/" * 40]


def test_every_column_of_a_table_in_pieces_is_there_once_beside_its_names():
    rows = [("name", "alpha", "beta", "gamma"), ("one", "1", "2", "3")]
    pieces = columns_text(rows, 20)
    assert sum(row.startswith("name") for row in pieces) > 1
    assert all(" ".join(pieces).count(head) == 1 for head in rows[0][1:])
    assert columns_text([("name",), ("one",)], 20) == ["name", "one"]


def test_labels_and_heads_stand_out_and_texts_do_not():
    rows = blocks_text(["A decision.", LINES[2:], TABLE], strong=lambda text: f"<{text}>")
    assert rows[:3] == ["<A decision.>", "", "<Loss>  2.0"]
    assert rows[4] == "<At the same loss>"
    assert rows[5].startswith("<")
    assert "<" not in rows[6]
