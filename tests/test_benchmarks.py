"""The scripts of ``benchmarks/``, which nothing else runs: today's names, and no other package's samples."""

import ast
import importlib
import inspect
import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

FOLDER = Path(__file__).resolve().parents[1] / "benchmarks"
SCRIPTS = sorted(FOLDER.glob("*.py")) + sorted((FOLDER / "peers").glob("*.py"))

PEERS = {"aiconfigurator", "GenZ", "llm_analysis"}
"""Packages that live in an environment of their own."""

every_script = pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.relative_to(FOLDER).as_posix())


@pytest.fixture
def imported(path, monkeypatch):
    """The script as a module, which does not run its main."""
    monkeypatch.syspath_prepend(FOLDER)
    monkeypatch.syspath_prepend(FOLDER / "peers")
    before = set(sys.modules)
    try:
        yield importlib.import_module(path.stem)
    except ModuleNotFoundError as error:
        if error.name not in PEERS:
            raise
        pytest.skip(f"{error.name} is not installed: peers have an environment of their own")
    finally:
        names = {script.stem for script in SCRIPTS}
        for name in (set(sys.modules) - before) & names:
            del sys.modules[name]


def tree(path):
    return ast.parse(path.read_text(encoding="utf-8"))


def ours(value):
    """What optimoe defines."""
    name = value.__name__ if isinstance(value, ModuleType) else getattr(value, "__module__", None)
    return str(name).partition(".")[0] == "optimoe"


@every_script
def test_a_benchmark_imports_and_names_what_there_is_and_takes(path, imported):
    wrong = []
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            owner = getattr(imported, node.value.id, None)
            if isinstance(owner, ModuleType | type) and ours(owner) and not hasattr(owner, node.attr):
                wrong.append(f"{path.name}:{node.lineno}: {node.value.id}.{node.attr} is gone")
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            called = getattr(imported, node.func.id, None)
            if callable(called) and ours(called):
                takes = inspect.signature(called).parameters
                named = {keyword.arg for keyword in node.keywords if keyword.arg}
                if not any(taken.kind is taken.VAR_KEYWORD for taken in takes.values()):
                    wrong += [f"{path.name}:{node.lineno}: {node.func.id}({gone}=)" for gone in named - set(takes)]
    assert wrong == []


def test_measured_rows_are_read_from_the_data_folder_alone(tmp_path, monkeypatch):
    monkeypatch.setenv("OPTIMOE_DATA", str(tmp_path))
    monkeypatch.syspath_prepend(FOLDER)
    readers = {
        "serving_rows": ("serving_rows",),
        "latency_rows": ("latency_records",),
        "serving_peers": ("measured_rows",),
        "static_batch_accuracy": ("main", []),
    }
    for module, (function, *words) in readers.items():
        with pytest.raises(FileNotFoundError) as missing:
            getattr(importlib.import_module(module), function)(*words)
        assert Path(missing.value.filename).is_relative_to(tmp_path), module


@every_script
def test_a_benchmark_reads_the_words_of_the_process_only_where_it_is_one(path):
    body = tree(path).body
    for node in (one for part in body[:-1] for one in ast.walk(part)):
        assert ast.unparse(node) != "sys.argv", f"{path.name}: main takes the words"
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "parse_args":
            assert node.args, f"{path.name}:{node.lineno}: parse_args reads those of the process"


def test_the_page_of_labs_is_what_its_tables_say(monkeypatch):
    monkeypatch.syspath_prepend(FOLDER)
    made = importlib.import_module("lab_designs_page")
    rows, controls, text = made.read_rows(), made.read_controls(), made.PAGE.read_text(encoding="utf-8")
    assert made.page(rows, controls, made.made_on(text)) == text
    other = [row | {"hit_experts": 1.0, "share": 2 * row["share"]} for row in rows]
    told, before = (made.page(some, controls, made.made_on(text)).splitlines() for some in (other, rows))
    assert len(set(told) - set(before)) >= 4  # rows, the median, the rate and the sentence of E


@every_script
def test_no_benchmark_opens_a_file_that_another_package_carries(path):
    """Packages carry end-to-end samples; a model held against them would be held against its own teacher."""
    finders = {"importlib", "pkgutil", "site", "sysconfig", "pkg_resources", "aiconfigurator_core"}
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            assert finders.isdisjoint(alias.name.partition(".")[0] for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            assert (node.module or "").partition(".")[0] not in finders
        if isinstance(node, ast.Attribute) and node.attr in ("__file__", "__path__"):
            raise AssertionError(f"{path.name}:{node.lineno}: looks for the files of a package")
    cited = [node.value for node in ast.walk(tree(path)) if isinstance(node, ast.Constant)]
    samples = [text for text in cited if isinstance(text, str) and text.endswith("silicon_sample.csv")]
    assert all(text.startswith("ai-dynamo/aiconfigurator@") for text in samples), "a path, not a source"


def test_what_a_gpu_is_asked_starts_in_its_tiny_form_on_a_cpu(tmp_path):
    """One process for all steps: 10 s of a core, most of it imports; nothing else runs it before a GPU does."""
    out = tmp_path / "cuda.json"
    script = ["bash", str(FOLDER / "cuda.sh"), "--tiny", str(out)]
    ran = subprocess.run(script, env=os.environ | {"PYTHON": sys.executable}, capture_output=True, text=True)
    steps = json.loads(out.read_text())["steps"]
    failed = {name: step["output"][-3:] for name, step in steps.items() if step["rc"]}
    assert set(failed) <= {"served_moe", "served_dense"}, (failed, ran.stderr)  # vLLM may not be installed
    ours = {
        "machine",
        "versions",
        "tests",
        "layer",
        "step",
        "compiled",
        "dispatch",
        "probe",
        "train",
        "shapes",
        "predicted",
    }
    assert ours <= set(steps)
    assert all(word in "".join(steps["dispatch"]["output"]) for word in ("loop", "grouped", "padded", "gather"))
