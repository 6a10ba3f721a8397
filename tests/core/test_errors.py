"""Every field of a request is of the type that its annotation states, and every option one of its words."""

import math
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import pytest

from optimoe.core.errors import (
    AmbiguousNameError,
    ConfigError,
    UnknownNameError,
    find_name,
    require,
    require_choice,
    require_types,
)

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


KNOWN = ("llama-3.1-8b", "llama-3-18b", "llama-3.1-70b", "gpt-4", "Wide")


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("llama-3.1-8b", "llama-3.1-8b"),  # itself, although another is spelled alike
        ("GPT4", "gpt-4"),
        ("gpt_4", "gpt-4"),
        (" GPT 4 ", "gpt-4"),
        ("wide", "Wide"),
        ("LLaMA 3.1 70B", "llama-3.1-70b"),
        ("four", "gpt-4"),
        ("FOUR", "gpt-4"),
    ],
)
def test_a_name_is_found_in_every_spelling(name, found):
    assert find_name("model", name, KNOWN, {"four": "gpt-4"}) == found


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Llama 318b", "model: ambiguous name 'Llama 318b' (may be llama-3-18b, llama-3.1-8b)"),
        ("llama-3.1", "model: ambiguous name 'llama-3.1' (may be llama-3-18b, llama-3.1-70b, llama-3.1-8b)"),
    ],
)
def test_a_name_that_several_could_mean_is_refused_with_these(name, words):
    with pytest.raises(AmbiguousNameError) as refused:
        find_name("model", name, KNOWN)
    assert str(refused.value) == words


@pytest.mark.parametrize("name", ["", "-", "gpt", "llama-4-8b"])
def test_a_name_of_nothing_or_the_start_of_one_alone_is_not_known(name):
    with pytest.raises(UnknownNameError, match="unknown name") as refused:
        find_name("model", name, KNOWN)
    assert not isinstance(refused.value, AmbiguousNameError)


def test_the_nearest_of_names_in_capitals_are_named():
    assert str(UnknownNameError("dtype", "bf17", ("BF16", "F32"))) == "dtype: unknown name 'bf17' (nearest: BF16)"


def test_a_condition_on_numbers_holds_for_all_of_them():
    require(np.array([True, True]), "ranks", "whole", "as they are")
    with pytest.raises(ConfigError, match=r"ranks: must be whole, got 1\.5"):
        require(np.array([True, False]), "ranks", "whole", 1.5)
