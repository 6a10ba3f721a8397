"""JSON and TOML: what is neither, too deep, too large, or says a thing twice is one line."""

import math

import pytest

from optimoe.core.errors import ConfigError
from optimoe.core.files.reading.grammar import DEEPEST, GrammarError, parse_json, parse_toml


def nested(depth, opened, closed):
    return opened * depth + "1" + closed * depth


@pytest.mark.parametrize(
    ("parse", "opened", "closed"),
    [(parse_json, "[", "]"), (parse_json, '{"a":', "}"), (parse_toml, "a = [", "]")],
    ids=["lists", "objects", "toml"],
)
def test_depth_has_a_limit(parse, opened, closed):
    first, inner = (opened, "[") if parse is parse_toml else (opened, opened)
    text = first + nested(DEEPEST - 3, inner, closed) + closed
    parse(text, "f")
    for deeper in (DEEPEST + 1, 100_000 if parse is parse_json else 3000):
        with pytest.raises(ConfigError, match="f: must be at most 64 tables and lists deep"):
            parse(first + nested(deeper, inner, closed) + closed, "f")


@pytest.mark.parametrize("text", ['{"a": 1, "b": {"c": 1, "c": 2}}', '[{"c": 1, "c": 1}]'])
def test_a_key_stands_once_in_an_object(text):
    with pytest.raises(ConfigError, match="f: must name a key once, got 'c' twice"):
        parse_json(text, "f")


@pytest.mark.parametrize(
    ("parse", "text"),
    [(parse_json, "1" + "0" * 60), (parse_toml, "a = -1" + "0" * 60), (parse_toml, "a = 0x" + "f" * 9000)],
)
def test_whole_numbers_have_a_limit(parse, text):
    with pytest.raises(ConfigError, match="f: must hold whole numbers below 1e60, got one of"):
        parse(text, "f")


def test_numbers_that_trackers_and_configurations_write_are_read():
    values = parse_json("[NaN, Infinity, -Infinity, 1e400, 12345678901234567890123456789]", "f")
    assert math.isnan(values[0])
    assert values[1:] == [math.inf, -math.inf, math.inf, 12345678901234567890123456789]


@pytest.mark.parametrize(("parse", "kind"), [(parse_json, "JSON"), (parse_toml, "TOML")])
@pytest.mark.parametrize("text", ["{", "a = ", "\0", "9" * 5000 + "x"])
def test_what_has_another_grammar_is_one_short_line(parse, kind, text):
    with pytest.raises(GrammarError, match=f"^f: not {kind} [(]") as caught:
        parse(text, "f")
    assert len(str(caught.value)) < 150 and str(caught.value).isprintable()
