"""Tokens that one token attends to, in windows and blocks."""

import pytest

from optimoe.arch.mixers.attended import attended
from optimoe.arch.parts import (
    UNLIMITED_WINDOW,
)


@pytest.mark.parametrize("window", [1, 5, 8, 40, UNLIMITED_WINDOW])
@pytest.mark.parametrize("chunked", [False, True])
def test_the_mean_of_attended_tokens_is_that_of_its_tokens(window, chunked):
    tokens = [attended(position, window, "decode", chunked) for position in range(1, 41)]
    assert max(tokens) == min(40, window)
    assert attended(40, window, "prefill", chunked) == pytest.approx(sum(tokens) / 40, rel=1e-12)
