"""Questions made by schemathesis from the API's description: no fault, and answers of the documented form."""

import os
from collections import Counter

import pytest

from optimoe.app.web.questions import QUESTIONS
from tests.app.web.fuzzed import SMALL_PLAN, check, described
from tests.app.web.test_work import ASKED

schemathesis = pytest.importorskip("schemathesis", reason="pip install schemathesis: makes the questions")
hypothesis = pytest.importorskip("hypothesis")

CASES = int(os.environ.get("OPTIMOE_FUZZ_CASES", "200"))


@pytest.mark.parametrize("name", sorted(QUESTIONS))
def test_what_schemathesis_asks_is_answered_in_form_or_refused_in_one_line(name, capsys):
    operation = schemathesis.openapi.from_dict(described())[f"/api/v1/{name}"]["POST"]
    statuses, slowest = Counter(), [0.0]

    @hypothesis.seed(1)
    @hypothesis.settings(
        max_examples=CASES, database=None, deadline=None, suppress_health_check=[*hypothesis.HealthCheck]
    )
    @hypothesis.given(case=operation.as_strategy(), filled=hypothesis.strategies.booleans())
    def asked(case, filled):
        body = case.body if isinstance(case.body, dict) else {}
        table = (ASKED[name] if filled else {}) | body | (SMALL_PLAN if name == "plan" else {})
        status, seconds = check(name, table)
        statuses[status] += 1
        slowest[0] = max(slowest[0], seconds)

    asked()
    with capsys.disabled():
        print(f"\n{name}: {dict(statuses)}, slowest {slowest[0]:.1f} s")
