"""One plan for all tests of its words."""

import pytest

from tests.report.plans import usual_plan


@pytest.fixture(scope="module")
def result():
    return usual_plan()
