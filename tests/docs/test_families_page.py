"""The page of families is that of what the oracle found, and what it found is what the code says."""

import importlib.util
import json
from pathlib import Path

import pytest

DOCS = Path(__file__).resolve().parents[2] / "docs"
FOUND = json.loads((DOCS / "families.json").read_text(encoding="utf-8"))


def test_the_page_is_that_of_what_was_found():
    spec = importlib.util.spec_from_file_location("make_families", DOCS / "make_families.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert (DOCS / "families.md").read_text(encoding="utf-8") == module.page(FOUND), "run docs/make_families.py"


def test_nothing_was_found_to_be_wrong():
    assert {name: row["wrong"] for name, row in FOUND["types"].items() if row["wrong"]} == {}
    assert {row["own"] for row in FOUND["types"].values()} == {"exact", "refused"}


def test_what_was_found_is_what_the_code_says_today():
    """No model is built: our count of each class's own configuration against the number that was built then."""
    transformers = pytest.importorskip("transformers", reason="needs transformers, of the extra dev")
    if transformers.__version__ != FOUND["transformers"]:
        pytest.skip(f"found with transformers {FOUND['transformers']}")
    from tests.arch import oracle

    assert set(FOUND["types"]) == set(oracle.every_type()), "run docs/make_families.py --oracle"
    for name, row in FOUND["types"].items():
        said = oracle.counted(oracle.own_config(name))
        assert oracle.word(said, row["built"]) == row["own"], f"{name}: {said}; run docs/make_families.py --oracle"
