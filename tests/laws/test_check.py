"""Files of check-values, and those that cannot be evaluated."""

from pathlib import Path

import pytest

from optimoe.laws.catalog import find_law
from optimoe.laws.check import CheckRow, load_checks, run_checks
from optimoe.laws.datasets import DataSetError, load_chinchilla_runs


def test_a_missing_data_set_is_pending_with_the_reason(monkeypatch, tmp_path: Path):
    monkeypatch.setenv("OPTIMOE_DATA", str(tmp_path))
    with pytest.raises(DataSetError, match="chinchilla_epoch"):
        load_chinchilla_runs()
    row = CheckRow(
        law="clark2022-dense",
        output="refit_N_c",
        value=3.5e13,
        tolerance_rel=1.0,
        inputs={},
        source="printed",
    )
    (result,) = run_checks([row])
    assert result.ok is None
    assert "routing_curves" in result.pending


OTHER_CHECKS = """
[[check]]
law = "besiroglu2024"
inputs = { N = 1000000000, D = 20000000000 }
output = "L"
value = %r
tolerance_rel = 1e-12
source = "recomputed"

[[check]]
law = "besiroglu2024"
inputs = { N = 1e9 }
output = "L"
value = 2.0
tolerance_rel = 0.1
source = "recomputed"
"""


def test_any_file_of_checks_runs(tmp_path: Path):
    c = find_law("besiroglu2024").coefficients
    by_hand = c["E"] + c["A"] / 1e9 ** c["alpha"] + c["B"] / 2e10 ** c["beta"]
    path = tmp_path / "checks.toml"
    path.write_text(OTHER_CHECKS % by_hand)
    good, incomplete = run_checks(load_checks(path))
    assert good.ok is True
    assert incomplete.ok is None
    assert "needs D" in incomplete.pending
