"""Files of check-values, and those that cannot be evaluated."""

from pathlib import Path

import pytest

from optimoe.core.claims import CheckRow
from optimoe.core.errors import ConfigError, DataSetError
from optimoe.laws.catalog import find_law
from optimoe.laws.check import load_checks, run_checks
from optimoe.laws.datasets import load_chinchilla_runs


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
    good, incomplete = run_checks(load_checks(path).rows)
    assert good.ok is True
    assert incomplete.ok is None
    assert "needs D" in incomplete.pending


def test_keys_that_no_check_has_are_ignored_and_listed(tmp_path: Path):
    path = tmp_path / "checks.toml"
    path.write_text(OTHER_CHECKS % 2.0 + 'comment = "mine"\nseen = 2026-01-01\n')
    checks = load_checks(path)
    assert checks.ignored == ("comment", "seen")
    assert len(checks.rows) == 2


@pytest.mark.parametrize(("text", "words"), [("check = [1]", "a table"), ('[[check]]\nlaw = "x"', "output")])
def test_a_malformed_row_is_refused_in_one_line(text, words, tmp_path: Path):
    path = tmp_path / "checks.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=words):
        load_checks(path)


@pytest.mark.parametrize(("printed", "fits"), [("2.00", True), ("2.01", False)])
def test_a_printed_number_is_the_value_of_its_row(printed, fits):
    row = {"law": "x", "output": "L", "value": 2.0, "tolerance_rel": 0.1, "inputs": {}, "source": "printed"}
    if fits:
        assert CheckRow(**row, printed=printed).value == 2.0
    else:
        with pytest.raises(ConfigError, match="printed: must be 2"):
            CheckRow(**row, printed=printed)
