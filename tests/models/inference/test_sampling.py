"""What may be sampled, and with which probability."""

import math

import pytest
import torch

from optimoe.core.errors import ConfigError
from optimoe.models.inference.sampling import Sampling, choose, probabilities

SHARES = torch.tensor([0.1, 0.4, 0.2, 0.05, 0.25], dtype=torch.float64)


def kept(**options):
    """The tokens that may be chosen and their probabilities, by token."""
    share_BW, id_BW = probabilities(SHARES.log()[None], Sampling(**options))
    pairs = zip(id_BW[0].tolist(), share_BW[0].tolist(), strict=True)
    return {token: share for token, share in sorted(pairs) if share > 0}


@pytest.mark.parametrize(
    ("options", "tokens"),
    [
        ({}, [0, 1, 2, 3, 4]),
        ({"top_k": 1}, [1]),
        ({"top_k": 3}, [1, 2, 4]),
        ({"top_k": 99}, [0, 1, 2, 3, 4]),
        ({"top_p": 0.39}, [1]),
        ({"top_p": 0.41}, [1, 4]),
        ({"top_p": 0.86}, [0, 1, 2, 4]),
        ({"top_k": 3, "top_p": 0.7}, [1, 4]),  # of 0.85, 0.4 and 0.25 hold 0.76
        ({"top_k": 2, "top_p": 0.61}, [1]),  # of 0.65, 0.4 holds 0.615
        ({"top_p": 1e-9}, [1]),
    ],
)
def test_the_most_probable_tokens_are_kept_in_their_proportions(options, tokens):
    shares = kept(**options)
    assert list(shares) == tokens
    whole = sum(float(SHARES[token]) for token in tokens)
    assert shares == pytest.approx({token: float(SHARES[token]) / whole for token in tokens}, rel=1e-12)


def test_as_many_tokens_are_kept_as_asked_for_where_all_are_alike():
    share_BW, _ = probabilities(torch.zeros(2, 7), Sampling(top_k=3))
    assert share_BW.tolist() == [[pytest.approx(1 / 3)] * 3] * 2


def test_temperature_divides_the_logits():
    assert list(kept(temperature=2.0).values()) == pytest.approx(
        (SHARES.sqrt() / SHARES.sqrt().sum()).tolist(), rel=1e-12
    )
    assert kept(temperature=1e-300) == {1: 1.0}


@pytest.mark.parametrize("options", [{}, {"top_k": 3}, {"top_p": 0.6}])
def test_every_random_number_chooses_a_token_that_is_kept(options):
    draw_B = torch.linspace(0, 1, 999, dtype=torch.float64)  # 1 too, as a product that was rounded up
    logits_BV = SHARES.log().index_fill(0, torch.tensor([4]), -math.inf).expand(len(draw_B), -1)
    chosen_B = choose(logits_BV, Sampling(**options), draw_B)
    share_BW, id_BW = probabilities(logits_BV[:1], Sampling(**options))
    assert set(chosen_B.tolist()) == set(id_BW[share_BW > 0].tolist())


def test_the_seed_and_the_row_draw_numbers_of_their_own():
    sampling = Sampling(max_new_tokens=3)
    rows = [tuple(one.draws(row)) for one in (sampling, Sampling(max_new_tokens=3, seed=1)) for row in range(3)]
    assert len(set(rows)) == 6 and rows[0] == tuple(sampling.draws(0))
    assert all(0 <= draw < 1 for row in rows for draw in row)


def test_a_row_ends_by_what_comes_first():
    sampling = Sampling(max_new_tokens=3, stop_ids=(7,), stop_sequences=((1, 2), (5,)))
    new = {(1,): None, (7,): "stop_id", (1, 2): "stop_sequence", (5,): "stop_sequence", (2, 1): None}
    assert {tokens: sampling.stop_reason(list(tokens)) for tokens in new} == new
    assert sampling.stop_reason([1, 1, 1]) == "max_new_tokens"
    assert sampling.stop_reason([2]) is None  # the end of a sequence that began in the prompt is none


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"max_new_tokens": 0}, "max_new_tokens: must be positive, got 0"),
        ({"top_p": 0.0}, "top_p: must be above 0 and at most 1, got 0"),
        ({"top_p": 1.5}, "top_p: must be above 0 and at most 1, got 1.5"),
        ({"temperature": math.inf}, "temperature: must be zero or more, and finite, got inf"),
        ({"stop_sequences": ((1,), ())}, "stop_sequences: must be of one token or more each"),
        ({"stop_ids": [3]}, r"stop_ids: must be a tuple, got \[3\]"),
        ({"stop_sequences": (3,)}, "stop_sequences: must be a tuple, got 3"),
    ],
)
def test_sampling_that_means_nothing_is_one_line(options, line):
    with pytest.raises(ConfigError, match=line):
        Sampling(**options)
