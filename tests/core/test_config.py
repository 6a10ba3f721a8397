"""TOML and JSON in and out: dataclasses from tables, files in one line where they are wrong."""

import json
import math
import tomllib
from dataclasses import dataclass, field
from typing import ClassVar, Literal

import numpy as np
import pytest

from optimoe.core.config import (
    build,
    build_kind,
    load_json,
    load_toml,
    save_toml,
    stated_table,
    to_table,
    to_toml,
)
from optimoe.core.errors import ConfigError, InputError, UnknownNameError, require, require_choice, shown
from optimoe.core.provenance import Basis


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


HOSTILE = 'our "v2" \\ runs \u2028 · ü \t.csv'


@pytest.mark.parametrize("load", [load_json, load_toml])
@pytest.mark.parametrize(
    "content",
    [
        '{"a": ' + "[" * 100_000 + "]" * 100_000 + "}",
        "a = " + "[" * 1000 + "]" * 1000,
        '{"a": ' + "9" * 5000 + "}",
        "a = " + "9" * 5000,
        'a = "\udcff"',
        "a = 1\na = 2",
        "a = '" + "x" * 5000,
    ],
    ids=["deep json", "deep toml", "digits json", "digits toml", "not utf-8", "twice", "long"],
)
def test_a_file_of_the_wrong_grammar_is_one_short_line(tmp_path, load, content):
    path = tmp_path / "file"
    path.write_text(content, encoding="utf-8", errors="surrogateescape")
    with pytest.raises(ConfigError) as caught:
        load(path)
    assert str(caught.value).startswith((f"{path}: not ", f"{path}: must be "))
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < len(str(path)) + 220


@pytest.mark.parametrize("load", [load_json, load_toml])
def test_a_folder_in_place_of_a_file_is_refused(tmp_path, load):
    with pytest.raises(ConfigError, match="cannot be read"):
        load(tmp_path)


def test_what_is_written_as_toml_reads_back_to_the_bit(tmp_path):
    table = {
        "name": HOSTILE,
        HOSTILE: {"deep er": {"x": [1, 2.5, "a\nb"]}},
        "floats": [0.1, 1e22, -0.0, 5e-324, 1 / 3, math.inf],
        "whole": 2**62,
        "flag": True,
        "rows": [{"name": "a" * 200, "width": 3}, {"name": "b"}],
    }
    save_toml(tmp_path / "t.toml", table | {"none": None, "inner": {"none": None}}, comment="a line\nanother")
    back = load_toml(tmp_path / "t.toml")
    assert back == table | {"inner": {}}
    assert type(back["whole"]) is int
    assert math.copysign(1.0, back["floats"][2]) == -1.0
    assert (tmp_path / "t.toml").read_text().startswith("# a line\n# another\n\nname = ")


def test_dataclasses_and_arrays_become_toml():
    text = to_toml(
        {"point": Point(width=2), "column": np.arange(3), "value": np.float64(0.5), "kind": Basis.FITTED}
    )
    assert tomllib.loads(text) == {
        "point": {"width": 2, "ratio": 1.0},
        "column": [0, 1, 2],
        "value": 0.5,
        "kind": "fitted",
    }


def test_long_values_are_cut_in_an_error_line():
    assert shown("x" * 60) == "x" * 60
    assert shown("x" * 61) == "x" * 57 + "…"
    assert shown("a\nb") == "a b"
    with pytest.raises(UnknownNameError) as caught:
        build(Point, {"w" * 5000: 1}, where="file")
    assert len(str(caught.value)) < 150


def test_files_that_cannot_be_read_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read"):
        load_json(tmp_path / "none.json")
    (tmp_path / "broken.toml").write_bytes(b"a = \xff")
    with pytest.raises(ConfigError, match=r"must be text in UTF-8"):
        load_toml(tmp_path / "broken.toml")


@dataclass(frozen=True, kw_only=True)
class Circle:
    kind: ClassVar[str] = "circle"
    radius: float = 1.0
    most: float = math.inf
    edge: Literal["sharp", "soft"] = "sharp"
    dashes: tuple[int, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Drawing:
    shape: Circle = field(default_factory=Circle)
    title: str = "x"


def find_shape(kind):
    require_choice(kind, "kind", {"circle": Circle})
    return Circle


def test_a_table_of_a_kind_reads_back_through_json_and_toml():
    circle = Circle(radius=2, edge="soft", dashes=(1, 2))
    table = to_table(circle)
    assert table == {"kind": "circle", "radius": 2, "edge": "soft", "dashes": [1, 2]}
    for read in (json.loads(json.dumps(table)), tomllib.loads(to_toml(table))):
        assert build_kind(find_shape, read, "shape") == circle
    assert build_kind(find_shape, to_table(Circle(most=3.0)), "shape").most == 3
    assert to_table(Drawing())["shape"]["kind"] == "circle"


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({}, "shape: kind: must be a name, got None"),
        ({"kind": 3}, "shape: kind: must be a name, got 3"),
        ({"kind": "cirle"}, "kind: unknown name 'cirle' (nearest: circle)"),
        ({"kind": "circle", "radios": 2}, "shape: field: unknown name 'radios' (nearest: radius, most)"),
        ({"kind": "circle", "radius": "2"}, "shape: Expected `float`, got `str` - at `radius`"),
        ({"kind": "circle", "edge": "softer"}, "shape: edge: unknown name 'softer' (nearest: soft)"),
        ("circle", "shape: must be a table, got 'circle'"),
    ],
)
def test_a_wrong_table_of_a_kind_is_one_line(table, words):
    with pytest.raises(InputError) as caught:
        build_kind(find_shape, table, "shape")
    assert str(caught.value) == words


@dataclass(frozen=True)
class Inner:
    size: int = 1
    words: tuple[str, ...] = ()


@dataclass(frozen=True)
class Outer:
    name: str
    limit: float = math.inf
    inner: Inner = field(default_factory=Inner)


@pytest.mark.parametrize(
    ("config", "table"),
    [
        (Outer("a"), {"name": "a"}),
        (Outer("a", 2.0, Inner(words=("b",))), {"name": "a", "limit": 2.0, "inner": {"words": ("b",)}}),
    ],
)
def test_a_table_of_what_is_stated_leaves_out_what_is_as_by_default(config, table):
    assert stated_table(config) == table
    assert build(Outer, tomllib.loads(to_toml(table)), "outer") == config
