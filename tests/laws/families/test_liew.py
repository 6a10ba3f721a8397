"""Liew's three laws: which designs each describes, and under which question its optimum stands."""

import numpy as np
import pytest

from optimoe.laws.catalog import find_law
from tests.laws.cases import least
from tests.laws.designs import DENSE, SWITCH


@pytest.mark.parametrize(
    ("name", "question"), [("liew2025-dense", "tokens_per_param_dense"), ("liew2025-moe", "tokens_per_param")]
)
def test_a_law_of_dense_models_answers_for_those_and_a_law_of_experts_for_theirs(name, question):
    law = find_law(name)
    decision = law.decide(1e21)
    assert list(decision.answers) == [question]
    params = decision.at["N1"]
    assert decision.answers[question] == pytest.approx(1e21 / (6 * params**2), rel=1e-12)
    found = law.loss(params, 1e21 / (6 * params))
    assert found == pytest.approx(least(lambda N1: law.loss(N1, 1e21 / (6 * N1))), rel=1e-9)


def test_each_law_describes_its_own_kind_of_model():
    dense, routed = find_law("liew2025-dense"), find_law("liew2025-moe")
    assert dense.judge(DENSE).applicable and not dense.judge(SWITCH).applicable
    assert routed.judge(DENSE).reasons == ("no experts (a law of MoEs)",)
    assert routed.judge(SWITCH).reasons == ("32 experts (fitted on 8)",)


def test_more_dense_tokens_before_upcycling_make_the_tokens_after_it_worth_less():
    law = find_law("liew2025-upcycled")
    gains = [law.loss(1e9, D1, 1e10) - law.loss(1e9, D1, 1e11) for D1 in (1e9, 1e10, 1e11, 1e12)]
    assert (np.diff(gains) < 0).all() and gains[-1] > 0
