"""The house rules that a program can check: names, docstrings, sizes, and where a stranger finds a formula."""

import ast
import re
from collections import defaultdict
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCES = sorted((ROOT / "src" / "optimoe").rglob("*.py"))

MOST_LINES, MOST_FUNCTION_LINES, MOST_FILES = 400, 60, 9
"""A file stops at 400 lines, a function at 60, a folder at 9 files beside its ``__init__`` …"""

LISTS = {"core": 12}
""" … but for core: small things that have nothing to do with each other, each imported by its own name."""

STANDS_ALONE = 4
"""A sentence that is understood without its class has four words or more …"""

BEGINS_WITHOUT_SUBJECT = re.compile(
    r"^(Of|Its|The same|That|Those|These|As|By|In|From|For|With|All of|Both|Likewise|Ours|Such|So|Another"
    r"|And|Or|Also|To)\b"
)
""" … and begins with the thing itself."""

NOBODY_SAYS = re.compile(r"dense likes?|stands? back|keeps? no limit|cannot stand beside|speaks? of")

FORMULAS = {
    "saturat": "laws/terms/saturation.py",
    "distinct_experts": "arch/traffic.py",
    "huber": "laws/fitting/objectives.py",
    "bootstrap": "laws/fitting/intervals.py",
    "z_loss": "models/losses/balance.py",
    "sinkhorn": "models/routers/assignment.py",
    "granularity": "arch/count.py",
    "KV cache values of MLA": "arch/mixers/latent.py",
    "all_reduce": "cost/kernels/families/collectives.py",
    "best_ratio": "laws/rules/expert_attention_ratio.py",
    "dense_equivalent": "cost/published/epoch_rules.py",
    "product_key": "models/peer/layer.py",
}
"""Twelve formulas by the first word that a stranger would grep, and the file that defines them."""


def public_definitions(node, prefix=""):
    """Public classes, functions and methods, with their dotted names."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.ClassDef | ast.FunctionDef) and not child.name.startswith("_"):
            yield f"{prefix}{child.name}", child
            if isinstance(child, ast.ClassDef):
                yield from public_definitions(child, f"{prefix}{child.name}.")


def parsed(path):
    return ast.parse(path.read_text(encoding="utf-8"))


def short(path):
    return path.relative_to(ROOT / "src" / "optimoe").as_posix()


def test_no_two_public_classes_have_one_name():
    places, public = defaultdict(list), re.compile(r"^class ([A-Za-z]\w*)", re.MULTILINE)
    for path in SOURCES:
        for name in public.findall(path.read_text("utf-8")):
            places[name].append(short(path))
    assert len(places) > len(SOURCES) / 2  # the text search finds classes
    assert {name: paths for name, paths in places.items() if len(paths) > 1} == {}


def test_every_function_has_a_name_that_can_be_found():
    nameless = re.compile(r"^\s*(async )?def _+\W", re.MULTILINE)
    assert nameless.search("class A:\n    def __(self): ...")
    assert [short(path) for path in SOURCES if nameless.search(path.read_text("utf-8"))] == []


@pytest.mark.parametrize("path", SOURCES, ids=short)
def test_docstrings_begin_with_a_sentence_that_stands_alone(path):
    offending = []
    for name, node in public_definitions(parsed(path)):
        docstring = ast.get_docstring(node)
        first = (docstring or "").splitlines()[0] if docstring else ""
        words = len(re.findall(r"[\w·–-]+", first))
        if docstring and (
            words < STANDS_ALONE or BEGINS_WITHOUT_SUBJECT.match(first) or NOBODY_SAYS.search(docstring)
        ):
            offending.append(f"{name}: {first}")
    assert offending == []


@pytest.mark.parametrize("path", SOURCES, ids=short)
def test_files_and_functions_stay_within_their_limits(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MOST_LINES
    functions = [node for node in ast.walk(parsed(path)) if isinstance(node, ast.FunctionDef)]
    assert [node.name for node in functions if node.end_lineno - node.lineno + 1 > MOST_FUNCTION_LINES] == []


def test_folders_stay_within_their_limit():
    counts = defaultdict(int)
    for path in SOURCES:
        counts[path.parent] += path.name != "__init__.py"
    assert {
        short(folder): count for folder, count in counts.items() if count > LISTS.get(short(folder), MOST_FILES)
    } == {}


@pytest.mark.parametrize("word", FORMULAS)
def test_a_stranger_finds_each_formula_by_its_first_word(word):
    """The definition stands in the named file, in a name or in the first line of a docstring."""
    path = ROOT / "src" / "optimoe" / FORMULAS[word]
    definitions = ((name, ast.get_docstring(node) or "") for name, node in public_definitions(parsed(path)))
    assert any(
        word.lower() in f"{name} {text.splitlines()[0] if text else ''}".lower() for name, text in definitions
    )


def test_no_function_level_import_hides_a_ring():
    """Imports inside functions are for libraries that are slow to load or need an extra, and for lazy commands."""
    indented = re.compile(r"^[ \t]+from optimoe", re.MULTILINE)  # a text search is quicker than every tree
    hidden = [
        f"{short(path)}:{inner.lineno}"
        for path in SOURCES
        if short(path).split("/")[0] in ("arch", "cost", "laws", "models", "planner", "core")
        and indented.search(path.read_text("utf-8"))
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.FunctionDef)
        for inner in ast.walk(node)
        if isinstance(inner, ast.ImportFrom) and (inner.module or "").startswith("optimoe")
    ]
    assert hidden == []


def test_nothing_opens_end_to_end_measurements_of_another_package():
    """Operator tables are read; samples of whole deployments that a package carries are not ours to look at."""
    reads = re.compile(
        r"(open|read_csv|read_text|read_table|glob|files|joinpath|Path)\([^)\n]*(silicon_sample|e2e_sample)"
    )
    places = [*SOURCES, *sorted((ROOT / "tests").rglob("*.py")), *sorted((ROOT / "benchmarks").rglob("*.py"))]
    assert [path.name for path in places if path != Path(__file__) and reads.search(path.read_text("utf-8"))] == []


def test_no_table_of_facts_names_a_place_on_somebody_s_machine():
    tables = sorted((ROOT / "src").rglob("*.toml"))
    assert [path.name for path in tables if re.search(r"= \"(/|[A-Z]:\\\\)", path.read_text("utf-8"))] == []
