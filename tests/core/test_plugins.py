import os

import pytest

from optimoe.core.errors import ConfigError, UnknownNameError
from optimoe.core.plugins import absolute_reference, is_file_reference, load_from_file, relative_reference


def test_a_name_in_a_file_is_loaded_and_a_changed_file_is_run_again(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text("from dataclasses import dataclass\n\n\n@dataclass\nclass Mine:\n    answer: 'int' = 1\n")
    first = load_from_file(f"{file}:Mine")
    assert first().answer == 1
    assert load_from_file(f"{file}:Mine") is first
    file.write_text("class Mine:\n    answer = 2\n")
    os.utime(file, ns=(0, file.stat().st_mtime_ns + 1_000_000))
    assert load_from_file(f"{file}:Mine").answer == 2


def test_what_cannot_be_loaded_is_refused_in_one_line(tmp_path):
    file = tmp_path / "mine.py"
    with pytest.raises(ConfigError, match="there is no file"):
        load_from_file(f"{file}:Mine")
    with pytest.raises(ConfigError, match=r"like my_law\.py:MyLaw"):
        load_from_file("mine")
    file.write_text("class Mine(\n")
    with pytest.raises(ConfigError, match="cannot be imported"):
        load_from_file(f"{file}:Mine")
    file.write_text("import no_such_module_anywhere\n")
    os.utime(file, ns=(0, file.stat().st_mtime_ns + 1_000_000))
    with pytest.raises(ConfigError, match=r"cannot be imported \(No module named"):
        load_from_file(f"{file}:Mine")
    file.write_text("class Mine:\n    pass\n")
    os.utime(file, ns=(0, file.stat().st_mtime_ns + 2_000_000))
    with pytest.raises(UnknownNameError, match="nearest: Mine"):
        load_from_file(f"{file}:mine")


def test_an_error_inside_the_users_file_keeps_its_traceback(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text("1 / 0\n")
    with pytest.raises(ZeroDivisionError):
        load_from_file(f"{file}:Mine")


def test_references_are_paths_with_a_name():
    assert is_file_reference("a/b.py:Name")
    assert not any(map(is_file_reference, ("chinchilla", "a/b.py", "a/b.py:", "b.toml:Name")))


def test_a_relative_reference_finds_its_way_back(tmp_path):
    absolute = absolute_reference("laws/my.py:Law", tmp_path)
    assert absolute == f"{(tmp_path / 'laws' / 'my.py').resolve()}:Law"
    assert relative_reference(absolute, tmp_path / "fits") == "../laws/my.py:Law"
    assert absolute_reference("../laws/my.py:Law", tmp_path / "fits") == absolute
