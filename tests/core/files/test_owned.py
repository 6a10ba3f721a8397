"""What a command left in a folder it may overwrite; what others left or changed it may not."""

import os

import pytest

from optimoe.core.errors import InputError
from optimoe.core.files.owned import MANIFEST, require_owned, write_owned


def test_what_was_left_here_is_written_again(tmp_path):
    for text in ("one", "two"):
        assert write_owned(tmp_path / "new", {"a/page.html": text}) == [tmp_path / "new/a/page.html"]
        assert (tmp_path / "new/a/page.html").read_text() == text


@pytest.mark.parametrize("left_before", [False, True])
def test_a_file_of_others_stands_and_nothing_else_is_written_either(tmp_path, left_before):
    if left_before:
        write_owned(tmp_path, {"page.html": "ours"})
    (tmp_path / "page.html").write_text("theirs")
    for refuse in (require_owned, write_owned):
        with pytest.raises(InputError, match=r"page\.html: not overwritten.*--force"):
            refuse(tmp_path, {"page.html": "new", "other.json": "new"})
    assert (tmp_path / "page.html").read_text() == "theirs"
    assert not (tmp_path / "other.json").exists()
    write_owned(tmp_path, {"page.html": "new"}, force=True)
    assert (tmp_path / "page.html").read_text() == "new"
    require_owned(tmp_path, ["page.html"])


def test_stale_files_go_and_those_that_were_changed_stay(tmp_path):
    write_owned(tmp_path, {"old": "1", "changed": "1", "kept": "1"})
    (tmp_path / "changed").write_text("2")
    (tmp_path / "theirs").write_text("3")
    write_owned(tmp_path, {"kept": "4"}, stale=("old", "changed", "kept", "theirs", "never"))
    assert {path.name for path in tmp_path.iterdir()} == {MANIFEST, "changed", "kept", "theirs"}


@pytest.mark.parametrize("text", ["", "[]", "{", '{"files": 3}', '{"files": {"page.html": 3}}', "[" * 100_000])
def test_a_list_that_is_none_makes_every_file_another_s(tmp_path, text):
    write_owned(tmp_path, {"page.html": "ours"})
    (tmp_path / MANIFEST).write_text(text)
    with pytest.raises(InputError, match="not overwritten"):
        require_owned(tmp_path, ["page.html"])


def test_a_place_that_cannot_be_written_is_named_before_anything_is_made(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="is a file"):
        require_owned(tmp_path / "file" / "below", ["page.html"])
    (tmp_path / "page.html").mkdir()
    with pytest.raises(InputError, match=r"page\.html: cannot be read"):
        require_owned(tmp_path, ["page.html"])
    require_owned(tmp_path / "not" / "there", ["a/page.html"])
    assert not (tmp_path / "not").exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission_is_named(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(InputError, match="Permission denied"):
        require_owned(tmp_path / "new", ["page.html"])
