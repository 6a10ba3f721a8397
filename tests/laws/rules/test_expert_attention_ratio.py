import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimoe.arch.catalog import find_model
from optimoe.core.errors import InputError
from optimoe.laws.catalog import find_law
from optimoe.laws.compare import compare, compare_decisions

PRINTED = {17: 0.8235, 65: 0.9538, 129: 0.9767}
"""S by number of experts, as App. D prints it."""


def of(symbol, **inputs):
    return find_law("li2026-rstar").evaluate(symbol, inputs)


@given(C=st.floats(16.0, 22.0).map(lambda decades: 10.0**decades), S=st.floats(0.5, 0.98))
def test_li_ratio_and_compute_come_back(C, S):
    law = find_law("li2026-rstar")
    assert law.compute_at_ratio(S, law.best_ratio(S, C)) == pytest.approx(C, rel=1e-9)


@pytest.mark.parametrize("E", PRINTED)
def test_the_best_ratio_follows_from_the_printed_sparsity_as_from_the_count(E):
    from_count = of("r_star", E=E, C=1e20)
    # S has four printed digits: 1 − S is known to half of 1e-4
    assert of("r_star", S=PRINTED[E], C=1e20) == pytest.approx(from_count, rel=0.5e-4 / (1 - PRINTED[E]))
    assert of("r_star", E=E, E_active=3, C=1e20) == of("r_star", E=E, k=2, n_shared=1, C=1e20) == from_count


def test_top_8_of_64_wants_more_experts_than_top_2():
    two, eight = (of("r_star", E=65, k=k, n_shared=1, C=1e21) for k in (2, 8))
    assert (two, eight) == pytest.approx((1.2912, 1.6206), rel=1e-4)


@pytest.mark.parametrize(
    ("inputs", "wrong"),
    [
        ({"E": 65, "S": 0.9}, "S: must be left out where E is given"),
        ({"E": 65, "k": 2}, "k: must be given together with n_shared"),
        ({"E": 65, "k": 2, "n_shared": 1, "E_active": 3}, "E_active: must be left out where k is given"),
        ({"S": 0.9, "E_active": 3}, "unknown name 'E_active'"),
        ({"S": 1.0}, "S: must be at least 0 and below 1"),
        ({"E": 8, "E_active": 9}, "E: must be at least 9"),
    ],
)
def test_two_statements_of_sparsity_that_could_differ_are_refused(inputs, wrong):
    with pytest.raises(InputError, match=wrong):
        of("r_star", C=1e20, **inputs)


@pytest.mark.parametrize(
    ("model", "own", "best", "share"),
    [("mixtral-8x7b", 4.67, 4.73, 2 / 8), ("qwen3-30b-a3b", 0.725, 2.02, 8 / 128)],
)
def test_a_model_is_asked_at_the_share_of_its_own_experts(model, own, best, share):
    (advice,) = compare(find_model(model), 1e12, ["li2026-rstar"]).advice
    assert advice.outputs["S"] == 1 - share
    assert advice.inputs["r"] == pytest.approx(own, abs=0.005)
    assert advice.outputs["r_star"] == pytest.approx(best, abs=0.005)


def test_an_answer_that_nobody_swept_says_how_far_it_lies_outside():
    (advice,) = compare(find_model("mixtral-8x7b"), 1e12, ["li2026-rstar"]).advice
    assert advice.decades_beyond["r_star"] == pytest.approx(np.log10(4.729 / 1.5), abs=1e-3)
    assert advice.decades_beyond["1-S"] == pytest.approx(np.log10(0.25 / 0.1765), abs=1e-3)
    assert advice.decades_beyond["C"] == pytest.approx(1.90, abs=0.01)


def test_a_budget_has_a_best_ratio_for_each_sparsity_of_the_runs_and_one_law_says_so():
    at = "expert_attention_ratio_at_"
    asked = {one.question: one for one in compare_decisions(1e22) if one.question.startswith(at)}
    values = {question.removeprefix(at): one.answers[0].value for question, one in asked.items()}
    assert values == {f"3_of_{E}": of("r_star", E=E, C=1e22) for E in (17, 65, 129)}
    for one in asked.values():
        assert one.words.endswith("(li2026-rstar [1.0 decades beyond its range]); no other law answers")
        beyond = one.answers[0].decades_beyond
        assert beyond == {"C": pytest.approx(1), "r_star": pytest.approx(np.log10(one.answers[0].value / 1.5))}


def test_the_range_is_of_the_active_share_however_sparsity_is_stated():
    law = find_law("li2026-rstar")
    for inputs in ({"E": 65, "k": 8, "n_shared": 1}, {"E": 65, "E_active": 9}, {"S": 1 - 9 / 65}):
        assert law.placed_inputs(inputs)["1-S"] == pytest.approx(9 / 65)
    assert "1-S" not in law.placed_inputs({"E": 65, "k": 8, "C": 1e20})
    assert law.decades_outside(law.placed_inputs({"E": 129, "C": 1e20})) == {"1-S": 0, "C": 0}


@given(p=st.floats(0.2, 3.0), q=st.floats(0.2, 3.0), C=st.floats(0.5, 20.0))
def test_li_stationary_ratio_is_a_minimum(p, q, C):
    law = find_law("li2026-rstar")

    def cost(r):
        return (C / (1 + r)) ** -p + (C * r / (1 + r)) ** -q

    best = law.stationary_ratio(1.0, 1.0, p, q, C)
    assert cost(best) <= min(cost(best * 1.01), cost(best / 1.01))
