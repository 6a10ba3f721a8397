"""Lines that are appended: none is lost, and what is torn is said."""

import pytest

from optimoe.core.errors import ConfigError, InputError
from optimoe.core.files import append_json_line, read_json_lines


def read(path):
    return read_json_lines(path, "a note", begins=("note", "mark"))


def test_lines_survive_a_file_in_a_folder_that_is_made_for_it(tmp_path):
    path = tmp_path / "new" / "notes.jsonl"
    for text in ("one", "zwei\u2028drei"):
        append_json_line(path, {"note": text})
    assert read(path).rows == ((f"{path}:1", {"note": "one"}), (f"{path}:2", {"note": "zwei\u2028drei"}))
    assert read(path).torn == ()


@pytest.mark.parametrize("kept", [1, 3, 9])
def test_a_torn_line_is_said_and_the_next_begins_on_its_own(tmp_path, kept):
    path = tmp_path / "notes.jsonl"
    append_json_line(path, {"mark": "one"})
    path.write_bytes(path.read_bytes() + path.read_bytes()[:kept])
    append_json_line(path, {"note": "two"})
    found = read(path)
    assert [table for _, table in found.rows] == [{"mark": "one"}, {"note": "two"}]
    assert found.torn == (f"{path}:2: cut short after {kept} characters",)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("no note", "not a note, got no note"),
        ('{"other": ', 'not a note, got {"other": '),
        ("[1]", "must be a JSON object, got [1]"),
    ],
)
def test_a_line_that_is_no_object_is_refused_with_its_number(tmp_path, line, words):
    path = tmp_path / "notes.jsonl"
    path.write_text(f'\n{{"note": 1}}\n{line}')
    with pytest.raises(ConfigError) as caught:
        read(path)
    assert str(caught.value) == f"{path}:3: {words}"


def test_a_place_that_cannot_be_written_or_read_is_one_line(tmp_path):
    with pytest.raises(InputError, match="cannot be written"):
        append_json_line(tmp_path, {"note": 1})
    with pytest.raises(InputError, match="cannot be read"):
        read(tmp_path / "none")
