"""The site of the docs has every page, once; what it is built with is named."""

import re
import shutil
import subprocess
import sys
import tomllib
import unicodedata
from functools import cache
from pathlib import Path

import pytest
from packaging.requirements import Requirement

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


@pytest.mark.parametrize("extra", ["docs", "page-tests"])
def test_what_builds_the_site_and_what_opens_the_page_is_pinned(extra):
    needed = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"][extra]
    pinned = [Requirement(line) for line in (ROOT / "constraints.txt").read_text().splitlines() if "==" in line]
    versions = {one.name: next(iter(one.specifier)).version for one in pinned}
    for one in map(Requirement, needed):
        assert one.specifier.contains(versions[one.name]), one


def test_the_site_is_built_strictly(tmp_path):
    pytest.importorskip("zensical", reason="needs zensical, of the extra dev")
    shutil.copytree(DOCS, tmp_path / "docs")
    shutil.copy(ROOT / "mkdocs.yml", tmp_path)
    words = [Path(sys.executable).parent / "zensical", "build", "--clean", "--strict"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "build/site/index.html").is_file()


def test_the_parts_of_the_site_come_from_learning_to_looking_up():
    parts = re.findall(r"^  - (.+?):", (ROOT / "mkdocs.yml").read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert parts == [
        "Home", "Understand", "Tutorials", "How to", "Reference", "The four texts", "Ledgers", "Architecture",
    ]  # fmt: skip


def anchor(heading):
    """What the site makes of a heading: its words in ASCII and lower case, with hyphens between them."""
    words = re.sub(r"\[([^]]*)\]\([^)]*\)|[`*\\]", r"\1", heading)
    plain = unicodedata.normalize("NFKD", words).encode("ascii", "ignore").decode()
    return re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", plain).strip().lower())


@cache
def prose(page):
    """A page without what stands in code."""
    return re.sub(r"```.*?```|`[^`\n]*`", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)


@cache
def anchors(page):
    """Every place of a page that a link may name; those that are named twice are numbered from the second on."""
    code = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    found = []
    for heading in re.findall(r"^#{1,6} (.+?)\s*$", code, flags=re.MULTILINE):
        name, count = anchor(heading), len(found)
        found.append(name if name not in found else f"{name}_{sum(one == name for one in found[:count])}")
    return {*found, *re.findall(r'<a id="([^"]+)"', code)}


@pytest.mark.parametrize("name", placed())
def test_every_link_of_a_page_leads_to_a_place_on_the_site(name):
    page, dead = DOCS / name, []
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, place = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        if not there.is_relative_to(DOCS) or not there.is_file() or (place and place not in anchors(there)):
            dead.append(target)
    assert dead == []
