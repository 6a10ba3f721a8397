"""Of an answer that marks what decides, a quiet one leaves that."""

from optimoe.report.words.lines import Deciding, Table, deciding

LINES = [("Model", "small"), (Deciding("Rate"), "9 tokens/s"), ("", "of a closed system"), ("Basis", "measured")]
ASIDE, ANSWER = Table(rows=[("a",), ("1",)]), Table(rows=[("b",), ("2",)], decides=True)


def test_sentences_marked_lines_with_what_continues_them_and_marked_tables_are_left():
    left = [block for block in deciding(["Train it.", LINES, ASIDE, ANSWER]) if block]
    assert left == ["Train it.", LINES[1:3], ANSWER]


def test_all_is_left_of_an_answer_that_marks_nothing():
    assert deciding([LINES[:1], ASIDE]) == [LINES[:1], ASIDE]


def test_a_label_that_decides_reads_like_any_other():
    assert dict(LINES)["Rate"] == "9 tokens/s"
