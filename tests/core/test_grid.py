"""Grids: dataclasses of arrays, changed and taken apart by one code."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from optimoe.core.grid import add, broadcast, content_key, map_arrays, map_numbers, stacked, take


@dataclass(frozen=True)
class Part:
    width: object
    name: str = "part"
    on: bool = True


@dataclass(frozen=True)
class Whole:
    parts: tuple
    times: dict
    size: object


def whole(size=3):
    return Whole(parts=(Part(np.arange(size)), Part(7)), times={"decode_s": np.arange(size) / 2}, size=2.0)


def test_arrays_change_everywhere_and_nothing_else():
    doubled = map_arrays(whole(), lambda values: 2 * values)
    assert doubled.parts[0].width.tolist() == [0, 2, 4]
    assert doubled.times["decode_s"].tolist() == [0, 1, 2]
    assert (doubled.parts[1].width, doubled.size, doubled.parts[0].name, doubled.parts[0].on) == (
        7,
        2.0,
        "part",
        True,
    )


def test_plain_numbers_change_with_map_numbers_but_flags_do_not():
    doubled = map_numbers(whole(), lambda values: 2 * values)
    assert (doubled.parts[1].width, doubled.size, doubled.parts[1].on) == (14, 4.0, True)


def test_what_holds_no_array_is_given_back_itself():
    part = Part(3)
    assert map_arrays(part, lambda values: 2 * values) is part


def test_a_broadcast_grid_has_one_shape():
    wide = broadcast(Whole(parts=(Part(np.ones((4, 1))), Part(7)), times={"s": np.zeros(3)}, size=2.0))
    assert np.shape(wide.size) == np.shape(wide.parts[1].width) == np.shape(wide.times["s"]) == (4, 3)
    assert wide.parts[1].name == "part"


def test_one_member_of_a_grid_holds_plain_numbers():
    one = take(whole(), 2)
    assert (one.parts[0].width, one.times["decode_s"], one.parts[1].width) == (2, 1.0, 7)
    assert type(one.parts[0].width) is int
    assert take(whole(), slice(1, 3)).parts[0].width.tolist() == [1, 2]


@dataclass(frozen=True)
class Inner:
    rows: Any
    note: str = ""
    hidden: Any = field(default=None, compare=False)


@dataclass(frozen=True)
class Outer:
    inner: Inner
    table: dict[str, float]


def key(rows=(1, 2), note="", table=None):
    return content_key(Outer(Inner(np.array(rows), note), {"a": 1.0} if table is None else table))


def test_equal_content_has_an_equal_key_and_any_other_content_another():
    assert key() == key()
    assert content_key(Inner(1, hidden=object())) == content_key(Inner(1))
    others = [
        key(rows=(2, 1)),
        key(rows=((1, 2),)),
        key(rows=(1.0, 2.0)),
        key(note="x"),
        key(table={"b": 1.0}),
        key(table={"a": 1.0, "b": 1.0}),
        content_key("ab", "c"),
        content_key("a", "bc"),
        content_key(("a", "b"), "c"),
        content_key("a", ("b", "c")),
        content_key(1),
        content_key(True),
        content_key(None),
        content_key("None"),
    ]
    assert len({key(), *others}) == 1 + len(others)


def test_what_has_no_content_to_tell_has_no_key():
    with pytest.raises(TypeError, match="function"):
        content_key(lambda: 1)


def test_a_shape_that_is_asked_for_widens_plain_numbers_too():
    wide = broadcast(Part(2.0), (3, 1))
    assert np.shape(wide.width) == (3, 1)
    assert np.shape(broadcast(Part(np.arange(4.0)), (3, 1)).width) == (3, 4)


def test_two_dataclasses_of_numbers_are_summed_field_by_field():
    @dataclass(frozen=True)
    class Seconds:
        launch_s: object
        body_s: object

    total = add(Seconds(1.0, np.array([1.0, 2.0])), Seconds(2.0, np.array([10.0, 20.0])))
    assert total.launch_s == 3.0
    assert total.body_s.tolist() == [11.0, 22.0]


def test_equal_things_become_a_grid_of_what_differs():
    grid = stacked([Part(3), Part(5)])
    assert grid.width.tolist() == [3, 5]
    assert grid.name == "part"
    assert [take(grid, index) for index in (0, 1)] == [Part(3), Part(5)]
    assert stacked([Part(3), Part(3)]) == Part(3)
    with pytest.raises(ValueError, match="another value"):
        stacked([Part(3), Part(3, name="other")])
