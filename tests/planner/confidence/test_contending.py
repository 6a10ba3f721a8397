"""The contending set."""

from dataclasses import replace

import numpy as np
import pytest

from optimoe.planner.confidence.contending import RESOLUTION, Axis, contending, overlapping
from optimoe.planner.confidence.draws.contest import Contest, spent_tokens
from optimoe.planner.problem.family import Family
from tests.planner.confidence.small import small


def three(rows):
    """A contest of three designs: E = 8, E = 32 and the choice, E = 8."""
    _, asked = small()
    families = (Family(num_experts=8, top_k=2), Family(num_experts=32, top_k=2), Family(num_experts=8, top_k=2))
    lineup = replace(asked.lineup.where(np.arange(3)), families=families)
    return Contest(
        lineup=lineup, objective=np.array(rows, dtype=float), own_loss=np.ones(len(rows)), by_loss=False
    )


def test_a_design_contends_that_is_as_good_in_one_draw_of_twenty():
    never = [[110, 200, 100]] * 40
    assert list(overlapping([three(never)])) == [False, False, True]
    twice = [[99, 200, 100]] * 2 + [[110, 200, 100]] * 38
    assert list(overlapping([three(twice)])) == [True, False, True]
    once = [[99, 200, 100]] + [[110, 200, 100]] * 39
    assert list(overlapping([three(once)])) == [False, False, True]


def test_laws_count_alike_whatever_their_draws():
    sure, other = three([[110, 200, 100]] * 40), three([[99, 200, 100], [99, 99, 100]] + [[110, 200, 100]] * 8)
    assert list(overlapping([sure, other])) == [True, True, True]  # 0 and 2 of 10 draws, 0 and 1
    assert list(overlapping([sure, sure, sure, other])) == [True, False, True]


def test_what_is_common_to_a_draw_does_not_count():
    common = np.linspace(1, 50, 40)[:, None]
    assert list(overlapping([three(common * [[110, 200, 100]])])) == [False, False, True]


def test_dollars_nearer_than_the_search_resolves_are_not_told_apart():
    assert list(overlapping([three([[100 * (1 + 0.9 * RESOLUTION), 103, 100]] * 20)])) == [True, False, True]


def test_a_design_that_is_not_feasible_does_not_contend():
    rows = [[np.inf, 90, 100]] * 18 + [[90, np.inf, 100]] * 2
    assert list(overlapping([three(rows)])) == [True, True, True]
    assert list(overlapping([three([[np.inf, np.inf, 100]] * 20)])) == [False, False, True]


def test_what_tells_contending_designs_apart_is_said_beside_what_is_settled():
    found = contending([three([[99, 200, 100]] * 20)], 50, np.array([1e11, 2e11, 3e11]))
    assert (found.designs, found.of, found.share) == (2, 50, 0.04)
    experts = next(axis for axis in found.axes if axis.name == "E")
    assert (experts.values, experts.space) == ((8,), (8, 32))
    assert experts in found.settled
    tokens = next(axis for axis in found.open if axis.name == "tokens")
    assert (tokens.values, tokens.space) == ((1e11, 3e11), (1e11, 3e11))
    assert not {"k", "attention"} & {axis.name for axis in found.axes}  # nothing of the space differs in these


def test_a_size_is_settled_within_a_step_of_width():
    def size(low, high):
        return Axis(name="active parameters", values=(low, high), space=(1e8, 1e10), ranged=True)

    assert size(1e9, 1.2e9).settled
    assert not size(1e9, 1.3e9).settled


def test_the_choice_contends_with_itself():
    result, asked = small()
    found = [asked.by_all(), *asked.by_rivals(with_money=True)]
    assert overlapping(found)[-1]
    counted = contending(found, asked.of, spent_tokens(result, asked.lineup))
    assert 1 <= counted.designs < asked.of / 2
    active = next(axis for axis in counted.axes if axis.name == "active parameters")
    assert active.values[0] <= result.choice.params.active * (1 + 1e-9)
    assert active.values[1] >= result.choice.params.active * (1 - 1e-9)
    assert counted.draws == pytest.approx(32)


def test_the_choice_has_what_is_said_of_contending_designs_even_where_one_in_twenty_has_it():
    result, asked = small()
    few = tuple(
        replace(one, objective=np.where(_of_other_experts(one), 1.0, one.objective)) for one in [asked.by_all()]
    )
    found = contending(few, asked.of, spent_tokens(result, asked.lineup))
    experts = next(axis for axis in found.axes if axis.name == "E")
    assert result.choice.family.num_experts in experts.values
    assert len(experts.values) > 1
    active = next(axis for axis in found.axes if axis.name == "active parameters")
    assert active.values[0] <= result.choice.params.active <= active.values[1]


def _of_other_experts(contested):
    """Designs with another number of experts than the choice: all better than it, in every draw."""
    own = contested.lineup.families[-1].num_experts
    return np.array([[family.num_experts != own for family in contested.lineup.families]])


def test_no_draw_settles_kinds_of_attention_whose_loss_is_equal_by_assumption():
    contest = three([[110, 200, 100]] * 40)
    plain, other, own = contest.lineup.families

    def axes(**changed):
        families = (plain, replace(other, **changed), own)
        moved = replace(contest, lineup=replace(contest.lineup, families=families))
        return {axis.name for axis in contending([moved], of=3, tokens=np.ones(3)).axes}

    assert "attention" in axes(attention="mla")
    assert "attention" not in axes(attention="gqa-swa", window_tokens=128, full_every=2)
