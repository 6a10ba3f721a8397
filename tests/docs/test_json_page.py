"""The page of the JSON is that of the code."""

import importlib.util
from pathlib import Path

from optimoe.report.records.schema import COMMANDS, json_schema

DOCS = Path(__file__).resolve().parents[2] / "docs"


def made():
    spec = importlib.util.spec_from_file_location("make_json", DOCS / "make_json.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.page()


def test_the_page_is_that_of_the_code():
    assert (DOCS / "json.md").read_text(encoding="utf-8") == made(), "run docs/make_json.py"


def test_every_object_has_a_heading_to_which_its_links_lead():
    page = made()
    headings = {line.lstrip("# ").lower().replace(" ", "-") for line in page.splitlines() if line.startswith("#")}
    for command in COMMANDS:
        assert f"optimoe-{command.replace(' ', '-')}" in headings
        assert {name.lower() for name in json_schema(command)["$defs"]} <= headings
