"""Questions with a few options of any value: an answer of the documented form or one line, never a fault."""

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from optimoe.app.web.questions import QUESTIONS
from tests.app.web.fuzzed import SMALL_PLAN, check, options
from tests.app.web.test_work import ASKED

ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**30), 10**30),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=20),
    st.sampled_from(["8xh100-sxm", "50ms", "1e22", "70B", "bf16", "0", "-1", "1e400", "mixtral-8x7b", "closed"]),
    st.lists(st.integers(0, 64) | st.text(max_size=4), max_size=3),
    st.dictionaries(st.text(max_size=4), st.integers(0, 9), max_size=2),
)


def value(schema):
    """Values of an option: mostly of its kind, else of any."""
    kinds = {
        "boolean": st.booleans(),
        "integer": st.integers(-2, 4096),
        "number": st.floats(-1, 1e15, allow_nan=False),
        "string": st.text(max_size=12),
        "null": st.none(),
    }
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if "anyOf" in schema:
        return st.one_of(*(value(one) for one in schema["anyOf"]))
    return kinds.get(schema.get("type"), ODD)


@st.composite
def tables(draw, name, known):
    """A question that is answered, with up to three of the known options of other values."""
    chosen = draw(st.lists(st.sampled_from(sorted(known)), max_size=3, unique=True))
    moved = {option: draw(value(known[option]) | ODD) for option in chosen}
    return ASKED[name] | moved | (SMALL_PLAN if name == "plan" else {})


@pytest.mark.parametrize("name", sorted(QUESTIONS))
def test_any_options_are_answered_in_form_or_refused_in_one_line(name):
    @seed(0)
    @settings(max_examples=1 if name == "plan" else 5, database=None, suppress_health_check=[*HealthCheck])
    @given(table=tables(name, options(name)))
    def asked(table):
        check(name, table)

    asked()
