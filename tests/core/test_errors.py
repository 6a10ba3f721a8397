"""Every field of a request is of the type that its annotation states, and every option one of its words."""

import math
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import pytest

from optimoe.core.errors import ConfigError, UnknownNameError, require_choice, require_types

Score = Literal["softmax", "sigmoid"]


@dataclass(frozen=True, kw_only=True)
class Inner:
    depth: int = 1


@dataclass(frozen=True, kw_only=True)
class Request:
    score: Score = "softmax"
    flag: bool = True
    count: int = 1
    factor: float = 1.0
    name: str = "x"
    counts: tuple[int, ...] = ()
    limit: float | None = None
    inner: Inner = field(default_factory=Inner)

    def __post_init__(self) -> None:
        require_types(self)


def test_fields_of_the_stated_types_are_taken():
    Request(score="sigmoid", flag=False, count=np.int64(3), factor=2, counts=(1, 2), limit=0.5)
    Request(factor=math.inf, limit=None, inner=Inner(depth=2))


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"flag": 1}, "flag: must be true or false, got 1"),
        ({"flag": "no"}, "flag: must be true or false, got 'no'"),
        ({"count": 8.0}, "count: must be a whole number, got 8.0"),
        ({"count": True}, "count: must be a whole number, got True"),
        ({"factor": "2"}, "factor: must be a number, got '2'"),
        ({"factor": False}, "factor: must be a number, got False"),
        ({"factor": math.nan}, "factor: must be a number, got nan"),
        ({"name": 3}, "name: must be text, got 3"),
        ({"counts": [1]}, "counts: must be a tuple, got [1]"),
        ({"counts": (1, 2.5)}, "counts: must be a whole number, got 2.5"),
        ({"limit": "x"}, "limit: must be a number, got 'x'"),
        ({"inner": {"depth": 1}}, "inner: must be a Inner, got {'depth': 1}"),
    ],
)
def test_a_field_of_another_type_is_refused_by_name(fields, words):
    with pytest.raises(ConfigError) as caught:
        Request(**fields)
    assert str(caught.value) == words


@pytest.mark.parametrize("word", ["sigmoids", "Sigmoid", "", 3, None, ["sigmoid"]])
def test_a_word_that_is_no_option_names_the_nearest(word):
    with pytest.raises(UnknownNameError, match=r"score: unknown name.*sigmoid"):
        Request(score=word)


def test_a_choice_among_words_that_are_no_literal():
    require_choice("a", "field", {"a": 1, "b": 2})
    with pytest.raises(UnknownNameError, match="known: a, b"):
        require_choice("zzz", "field", {"a": 1, "b": 2})
