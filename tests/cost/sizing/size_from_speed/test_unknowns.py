import math
from typing import get_args

import pytest

from optimoe.core.provenance import Basis
from optimoe.cost.sizing.size_from_speed import ExpertCount, Observed, TypicalShape, Unknown
from optimoe.cost.sizing.size_from_speed.unknowns import LARGEST_MARGIN, Assumed, band, moves
from tests.cost.cases import asked

SEEN = Observed(tokens_per_s=50, usd_per_mtok=1.0)
EVERYTHING = frozenset(get_args(Unknown))
KINDS = [ExpertCount(), ExpertCount(num_experts=32, top_k=8)]


def assumed(observed=SEEN):
    return Assumed(observed=observed, deployment=asked(), shape=TypicalShape())


@pytest.fixture(scope="module")
def central():
    return assumed().climb(KINDS)


def test_moves_in_one_direction_add_as_squares_of_logarithms():
    up = math.hypot(math.log(2), math.log(3))
    assert band(10.0, [20.0, 30.0, 10.0]) == pytest.approx((10.0, 10 * math.exp(up)))
    assert band(10.0, [5.0, 40.0]) == pytest.approx((5.0, 40.0))
    assert band(10.0, [0.0]) == (0.0, 10.0)
    assert band(0.0, [0.0, 7.0]) == (0.0, 7.0)


def test_what_is_stated_is_not_moved_and_a_move_is_the_answer_to_the_question_asked_that_way(central):
    *own_error, margin = moves(assumed(), KINDS, central, EVERYTHING - {"margin"})
    assert [(move.unknown, move.basis) for move in own_error] == [("cost model", Basis.MEASURED)] * 2
    assert (margin.unknown, margin.assumed, margin.instead) == ("margin", "0%", "70%")
    dearer = assumed(Observed(tokens_per_s=50, usd_per_mtok=1.0, margin=LARGEST_MARGIN))
    sizes = [ladder.sizes(dearer.cost_usd_per_mtok) for ladder in dearer.climb(KINDS)]
    assert margin.params_total == tuple(total for total, _ in sizes)
    assert margin.params_active == tuple(active for _, active in sizes)


def test_a_faster_engine_and_fewer_bits_allow_more_parameters(central):
    sparse = central[1:]
    found = moves(assumed(), KINDS[1:], sparse, EVERYTHING - {"precision", "engine"})
    slower, faster, fewer_bits, quick, slow = (move.params_total[0] for move in found)
    size, _ = sparse[0].sizes(1.0)
    assert slower < size < min(faster, fewer_bits)
    assert slow <= quick


def test_without_a_price_no_margin_is_moved_and_eight_bits_are_those_that_the_gpu_has():
    base = Assumed(observed=Observed(tokens_per_s=50), deployment=asked(gpu="a100-sxm"), shape=TypicalShape())
    found = moves(base, KINDS[:1], base.climb(KINDS[:1]), {"engine", "depth", "width", "drafts"})
    moved = [(move.unknown, move.instead) for move in found]
    assert moved[1:] == [("cost model", "seconds -31%"), ("precision", "int8")]
