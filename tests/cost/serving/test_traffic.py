import math
from statistics import NormalDist

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimoe.core.errors import ConfigError, InputError
from optimoe.cost.serving.traffic import load_trace, mean_length


@given(mu=st.floats(2, 8), sigma=st.floats(0, 1.5))
def test_percentiles_of_a_log_normal_give_its_mean(mu, sigma):
    stated = {p: math.exp(mu + sigma * NormalDist().inv_cdf(p / 100)) for p in (50, 90, 99)}
    assert mean_length(stated, "input") == pytest.approx(math.exp(mu + sigma**2 / 2))


@pytest.mark.parametrize(
    ("stated", "words"),
    [
        ({50: 800}, "two percentiles"),
        ({50: 800, 100: 900}, "between 0 and 100"),
        ({50: 800, 90: 0}, "p90: must be a positive number"),
        ({50: 800, 90: 700}, "p90: must be at least 800"),
    ],
)
def test_percentiles_that_are_none_are_named(stated, words):
    with pytest.raises(ConfigError, match=words):
        mean_length(stated, "input_percentiles")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_trace_is_read_as_spreadsheets_write_it(tmp_path, encoding, separator):
    text = "input_tokens,output_tokens,note\n100,50,a\n300,1.5K,b\n".replace(",", separator)
    (tmp_path / "trace.csv").write_bytes(text.encode(encoding))
    work = load_trace(tmp_path / "trace.csv")
    assert (work.input_tokens, work.output_tokens) == (200, 775)


def test_a_trace_may_hold_cells_of_any_length(tmp_path):
    (tmp_path / "trace.csv").write_text(f"prompt,input_tokens,output_tokens\n{'x' * 200_000},100,50\n")
    assert load_trace(tmp_path / "trace.csv").input_tokens == 100


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "empty file"),
        ("input_tokens,output_tokens\n", "holds no request"),
        ("prompt,answer\n1,2\n", "must have a column input_tokens, got prompt, answer"),
        (
            "input_tokens,output_tokens\n1,2\n3,-4\n",
            r"trace.csv:3: output_tokens: must be a positive number, got '-4'",
        ),
        ("input_tokens,output_tokens\n1,x\n", "trace.csv:2: output_tokens"),
    ],
)
def test_a_trace_that_cannot_be_used_is_one_line(tmp_path, text, words):
    (tmp_path / "trace.csv").write_text(text)
    with pytest.raises(InputError, match=words):
        load_trace(tmp_path / "trace.csv")
