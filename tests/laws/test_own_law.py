"""The rows of our own law follow from the public corpora, and say of themselves what they should."""

import os
from pathlib import Path

import numpy as np
import pytest

from optimoe.laws.catalog import find_law

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
ROWS = {"optimoe2026": True, "optimoe2026-nonembedding": False}


@pytest.fixture
def own_law(monkeypatch):
    """The script that makes the rows."""
    if "OPTIMOE_DATA" not in os.environ:
        pytest.skip("OPTIMOE_DATA is not set: the corpora do not ship")
    monkeypatch.syspath_prepend(BENCHMARKS)
    import own_law

    return own_law


def test_the_row_follows_from_the_corpora(own_law):
    groups = own_law.load_corpora()
    found = own_law.find_over_corpora(groups, embeddings=True)
    assert found.verdict == "sound"
    assert found.coefficients == pytest.approx(find_law("optimoe2026").row.coefficients, rel=1e-4)


def test_the_runs_of_the_evidence_are_those_of_the_corpora(own_law):
    counted = sum(len(runs) for runs in own_law.load_corpora().values())
    assert find_law("optimoe2026").row.evidence.runs == counted


@pytest.mark.parametrize("name", ROWS)
def test_a_row_carries_draws_spread_and_evidence(name):
    row = find_law(name).row
    assert row.evidence.verdict == "sound"
    assert set(row.draws) == set(row.coefficients)
    assert {len(values) for values in row.draws.values()} == {200}
    assert row.effects is not None and row.effects.names == ("E", "scale") and len(row.effects.corpora) == 6
    centre = {symbol: np.median(values) for symbol, values in row.draws.items()}
    for symbol in ("E", "alpha", "beta", "rho"):  # draws surround the law: it is no corner of them
        assert centre[symbol] == pytest.approx(row.coefficients[symbol], rel=0.1)


@pytest.mark.parametrize("name", ROWS)
def test_more_experts_at_equal_active_size_lower_the_loss_as_the_runs_do(name):
    """Of 4, 16 and 64 experts at k = 2 and 8.4M active: 0.25 to 0.28 nats from 4 to 64, over three seeds."""
    losses = find_law(name).loss(8.4e6, np.array([14.7e6, 52.5e6, 203.6e6]), 1e9)
    assert 0.15 < losses[0] - losses[2] < 0.45
    assert (np.diff(losses) < 0).all()
