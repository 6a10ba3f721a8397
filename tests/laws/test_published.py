"""Every published check-value goes through the library."""

import pytest

from optimoe.core.claims import CheckRow
from optimoe.core.config import build
from optimoe.laws.catalog import find_law, law_names, published_checks
from optimoe.laws.check import run_checks

CHECKS = [build(CheckRow, row, where="published.toml") for row in published_checks()]


@pytest.mark.parametrize("row", CHECKS, ids=lambda row: f"{row.law}-{row.output}-{row.inputs}")
def test_published_value(row):
    (result,) = run_checks([row])
    if "OPTIMOE_DATA" in result.pending:
        pytest.skip(result.pending)
    assert result.ok, result


@pytest.mark.parametrize("name", law_names())
def test_every_law_has_a_source_and_a_status(name):
    row = find_law(name).row
    assert "arXiv" in row.source or "github.com" in row.source
    own = name.startswith("optimoe")  # fitted here, to runs that its source names
    inferred = name.endswith("-inferred")  # from a paper's answers, its coefficients being unpublished
    published = ("verified", "transcribed", "form-only", "inconsistent")
    assert row.status in (("fitted",) if own else ("inferred",) if inferred else published)
    assert own == bool(row.evidence.runs)
    assert bool(row.draws) == (own or inferred)
    assert bool(row.rmse_log) == bool(row.rmse_source)
