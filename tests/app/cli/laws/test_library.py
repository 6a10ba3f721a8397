"""``optimoe laws list``, ``show``, ``predict`` and ``check``."""

import pytest

from optimoe.laws.catalog import law_names
from tests.app.run import answer, optimoe


def test_a_law_is_evaluated_in_its_own_variables():
    record = answer("laws", "predict", "--law", "besiroglu2024", "--set", "N=70B", "--set", "D=1.4e12")
    assert record["loss"] == pytest.approx(1.97342, rel=3e-6)
    assert answer("laws", "show", "ludziejewski2025")["coefficients"]["a"] == 35.91
    assert [law["name"] for law in answer("laws", "list")["laws"]] == list(law_names())


def test_every_answer_says_unit_band_range_domain_and_status():
    words = ("laws", "predict", "--law", "li2026-rstar", "--output", "r_star", "--set", "E=129", "--set", "C=1e24")
    record = answer(*words)
    assert record["value"] == pytest.approx(2.816916, rel=1e-6)
    assert record["unit"] == "expert FLOPs / attention FLOPs"
    assert (record["low"], record["high"], record["status"]) == (None, None, "transcribed")
    assert record["range"].startswith("beyond its range: C 1.00e24, fitted to 1.00e21 (3.0 decades)")
    assert {one["symbol"]: one["decades"] > 0 for one in record["reach"]}["C"]
    assert record["domain"].startswith("routed models")
    printed = optimoe(*words).stdout
    assert "beyond its range: C 1.00e24" in printed


def test_a_published_cost_model_says_that_no_range_is_stated():
    record = answer(
        "laws",
        "predict",
        "--law",
        "epoch2024",
        "--output",
        "P_eq",
        "--set",
        "P=1.8T",
        "--set",
        "E=16",
        "--set",
        "A=2",
    )
    assert record["unstated"] == ["P", "E", "A"]
    assert record["unit"] == "parameters"


def test_a_law_that_cannot_be_right_takes_an_explicit_word():
    inputs = ["--law", "hoffmann2022-printed", "--set", "N=70B", "--set", "D=1.4T"]
    refused = optimoe("laws", "predict", *inputs)
    assert refused.returncode == 2
    assert "inconsistent" in refused.stderr
    assert answer("laws", "predict", *inputs, "--allow-inconsistent")["loss"] == pytest.approx(1.93665, rel=3e-6)


def test_a_file_of_checks_is_run(tmp_path):
    path = tmp_path / "checks.toml"
    row = '[[check]]\nlaw = "besiroglu2024"\ninputs = {{ N = 7e10, D = 1.4e12 }}\noutput = "L"\nvalue = {}\n'
    rest = 'tolerance_rel = 1e-5\nsource = "recomputed"\n'
    pending = '[[check]]\nlaw = "nobody2030"\ninputs = {}\noutput = "L"\nvalue = 1.0\n'
    path.write_text(row.format(1.97342) + rest + pending + rest)
    record = answer("laws", "check", path)
    assert (record["passed"], record["failed"], record["pending"]) == (1, 0, 1)
    assert {"law", "output", "expected", "ours", "ok"} <= set(record["rows"][0])
    path.write_text(row.format(1.98) + rest)
    assert optimoe("laws", "check", path).returncode == 1


def test_a_row_that_cannot_be_evaluated_fails_a_strict_check(tmp_path):
    path = tmp_path / "checks.toml"
    path.write_text(
        '[[check]]\nlaw = "nobody2030"\ninputs = {}\noutput = "L"\nvalue = 1.0\n'
        'tolerance_rel = 1.0\nsource = "printed"\n'
    )
    assert optimoe("laws", "check", path).returncode == 0
    assert optimoe("laws", "check", path, "--strict").returncode == 1


def test_keys_that_no_check_has_are_said_on_one_line_of_standard_error(tmp_path):
    path = tmp_path / "checks.toml"
    path.write_text(
        '[[check]]\nlaw = "besiroglu2024"\ninputs = {}\noutput = "a"\nvalue = 0.5126\ntolerance_rel = 0.001\n'
        'source = "printed"\nseen_by = "me"\ncolour = "red"\n'
    )
    done = optimoe("laws", "check", path, "--json")
    assert done.returncode == 0
    (line,) = done.stderr.splitlines()
    assert "seen_by, colour" in line
