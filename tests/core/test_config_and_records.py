import json
import math
from dataclasses import dataclass

import numpy as np
import pytest

from optimoe.core.config import build, load_json, load_toml
from optimoe.core.errors import ConfigError, InputError, UnknownNameError, require
from optimoe.core.provenance import Basis, weakest
from optimoe.core.records import to_json, to_record, write_text


@dataclass(frozen=True, kw_only=True)
class Point:
    width: int
    ratio: float = 1.0

    def __post_init__(self):
        require(self.width > 0, "width", "positive", self.width)


def test_a_table_becomes_a_dataclass():
    assert build(Point, {"width": 3}, where="file") == Point(width=3)


@pytest.mark.parametrize(
    ("table", "error", "words"),
    [
        ({"width": "3"}, ConfigError, "width"),
        ({"width": 3.5}, ConfigError, "width"),
        ({}, ConfigError, "width"),
        ({"width": -1}, ConfigError, "positive, got -1"),
        ({"width": 3, "ration": 2}, UnknownNameError, "nearest: ratio"),
    ],
)
def test_a_wrong_table_is_one_line_that_names_the_field(table, error, words):
    with pytest.raises(error) as caught:
        build(Point, table, where="file")
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", ["", "{", "[1, 2]", "\x00", '{"a": }'])
def test_what_is_no_json_object_is_refused(tmp_path, content):
    path = tmp_path / "config.json"
    path.write_text(content)
    with pytest.raises(ConfigError, match=r"config\.json"):
        load_json(path)


def test_files_that_cannot_be_read_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read"):
        load_json(tmp_path / "none.json")
    (tmp_path / "broken.toml").write_bytes(b"a = \xff")
    with pytest.raises(ConfigError, match="not TOML"):
        load_toml(tmp_path / "broken.toml")


def test_records_are_plain_json_and_infinity_is_null():
    record = {"a": np.float64(1.5), "b": np.arange(3), "c": math.inf, "d": Point(width=2), "e": Basis.FITTED}
    assert to_record(record) == {
        "a": 1.5,
        "b": [0, 1, 2],
        "c": None,
        "d": {"width": 2, "ratio": 1.0},
        "e": "fitted",
    }
    assert json.loads(to_json(record))["c"] is None


def test_a_file_that_cannot_be_written_whole_leaves_the_old_one(tmp_path, monkeypatch):
    path = tmp_path / "plan.json"
    write_text(path, "old")

    def full_disk(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full_disk)
    with pytest.raises(InputError, match="No space left"):
        write_text(path, "new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_combination_is_as_weak_as_its_weakest_part():
    assert weakest(Basis.MEASURED, Basis.ASSUMED, Basis.FITTED) is Basis.ASSUMED
    assert weakest(Basis.PUBLISHED, Basis.MEASURED) is Basis.PUBLISHED
