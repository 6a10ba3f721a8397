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


def assumed(observed=SEEN, **other):
    return Assumed(observed=observed, deployment=asked(**other), shape=TypicalShape())


@pytest.fixture(scope="module")
def central():
    return assumed().climb(KINDS)


def test_moves_in_one_direction_add_as_squares_of_logarithms():
    up = math.hypot(math.log(2), math.log(3))
    assert band(10.0, [20.0, 30.0, 10.0]) == pytest.approx((10.0, 10 * math.exp(up)))
    assert band(10.0, [5.0, 40.0]) == pytest.approx((5.0, 40.0))
    assert band(10.0, [0.0]) == (0.0, 10.0)
    assert band(0.0, [0.0, 7.0]) == (0.0, 7.0)


def test_what_is_stated_is_not_moved(central):
    left = list(moves(assumed(), KINDS, central, EVERYTHING))
    assert [move.unknown for move in left] == ["cost model", "cost model"]
    assert all(move.basis is Basis.MEASURED for move in left)
    margin = list(moves(assumed(), KINDS, central, EVERYTHING - {"margin"}))[-1]
    assert (margin.unknown, margin.assumed, margin.instead) == ("margin", "0%", "70%")


def test_a_move_is_the_answer_to_the_question_asked_that_way(central):
    moved = list(moves(assumed(), KINDS, central, EVERYTHING - {"margin"}))[-1]
    dearer = assumed(Observed(tokens_per_s=50, usd_per_mtok=1.0, margin=LARGEST_MARGIN))
    sizes = [ladder.sizes(dearer.cost_usd_per_mtok) for ladder in dearer.climb(KINDS)]
    assert moved.params_total == tuple(total for total, _ in sizes)
    assert moved.params_active == tuple(active for _, active in sizes)


def test_a_faster_engine_and_fewer_bits_allow_more_parameters(central):
    found = list(moves(assumed(), KINDS, central, {"margin", "utilisation", "depth", "width"}))
    base = [ladder.sizes(1.0)[0] for ladder in central]
    slower, faster, fewer_bits, _, quick, slow = found
    assert slower.instead == "seconds +32%"
    for at in range(len(KINDS)):
        assert slower.params_total[at] < base[at] < faster.params_total[at]
        assert fewer_bits.params_total[at] > base[at]
        assert slow.params_total[at] <= quick.params_total[at]


def test_a_price_that_is_not_known_has_no_margin_to_move():
    base = assumed(Observed(tokens_per_s=50))
    names = {
        move.unknown for move in moves(base, KINDS, base.climb(KINDS), {"engine", "depth", "width", "drafts"})
    }
    assert names == {"cost model", "precision"}


def test_weights_of_eight_bits_are_tried_where_the_gpu_has_them():
    base = assumed(gpu="a100-sxm")
    found = moves(base, KINDS[:1], base.climb(KINDS[:1]), EVERYTHING - {"precision"})
    assert [move.instead for move in found][-1] == "int8"
