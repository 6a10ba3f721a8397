"""The site of the docs has every page, once; what it is built with is named."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"


def placed():
    """Pages in the site's navigation, in its order."""
    nav = (ROOT / "mkdocs.yml").read_text(encoding="utf-8").partition("\nnav:\n")[2]
    return re.findall(r": (\S+\.md)$", nav, flags=re.MULTILINE)


def test_every_page_stands_in_the_navigation_once():
    pages = {path.relative_to(DOCS).as_posix() for path in DOCS.glob("**/*.md")}
    assert set(placed()) == pages
    assert len(placed()) == len(pages)


def test_what_builds_the_site_is_pinned():
    (needed,) = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]["docs"]
    assert needed in (ROOT / "constraints.txt").read_text().splitlines()


def test_the_parts_of_the_site_come_from_learning_to_looking_up():
    parts = re.findall(r"^  - (.+?):", (ROOT / "mkdocs.yml").read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert parts == [
        "Home", "Understand", "Tutorials", "How to", "Reference", "The four texts", "Ledgers", "Architecture",
    ]  # fmt: skip
