"""Columns become a frame of the library at hand, or stay columns."""

import sys

import pytest

from optimoe.core.errors import InputError, UnknownNameError
from optimoe.core.results import frames
from optimoe.core.results.frames import to_frame

COLUMNS = {"name": ["a", "b"], "loss": (1.0, 2.0)}


def test_columns_stay_columns_where_that_is_asked():
    assert to_frame(COLUMNS, "dict") == {"name": ["a", "b"], "loss": [1.0, 2.0]}


@pytest.mark.parametrize("kind", ["polars", "pandas"])
def test_a_library_is_taken_by_its_name(kind):
    library = pytest.importorskip(kind)
    frame = to_frame(COLUMNS, kind)
    assert isinstance(frame, library.DataFrame)
    assert list(frame["loss"]) == [1.0, 2.0]


def test_the_library_that_is_in_use_goes_first(monkeypatch):
    polars = pytest.importorskip("polars")
    monkeypatch.delitem(sys.modules, "pandas", raising=False)
    assert isinstance(to_frame(COLUMNS), polars.DataFrame)


def test_without_a_library_one_line_says_what_is_missing_and_what_works_without(monkeypatch):
    monkeypatch.setattr(frames, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r'must be installed; to_frame\("dict"\)'):
        to_frame(COLUMNS)
    with pytest.raises(UnknownNameError, match="nearest: pandas"):
        to_frame(COLUMNS, "panda")
