"""Every command of the README and the docs runs, in the order of its page, and prints what stands there."""

import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from dataclasses import fields
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from optimoe.arch.hf import from_config
from optimoe.arch.params import count_params
from optimoe.core.run import (
    CurvePoint,
    DataMix,
    Optimizer,
    RunLayout,
    RunRecord,
    RunSpec,
    Schedule,
    load_run_records,
    load_runs,
)
from tests.docs.test_text_pages import make_texts
from tests.forks import run_command, run_python
from tests.loadtest.endpoint import running

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("**/*.md"))]
ENDPOINT = "http://127.0.0.1:8000"
"""The server that the pages measure: here a scripted one."""
ENVIRONMENT = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}


def blocks(page, language):
    return re.findall(rf"```{language}\n(.*?)```", page.read_text(), flags=re.DOTALL)


def write_files(page, folder):
    """Save the blocks that have a file's name at their head; a package with entry points counts as installed."""
    for name, text in re.findall(r"```\w+ (\S+\.\w+)\n(.*?)```", page.read_text(), flags=re.DOTALL):
        if name != "pyproject.toml":
            (folder / name).write_text(text)
            continue
        project = tomllib.loads(text)["project"]
        info = folder / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
        )
        groups = [
            "\n".join([f"[{group}]", *(f"{key} = {value}" for key, value in stated.items())])
            for group, stated in project["entry-points"].items()
        ]
        (info / "entry_points.txt").write_text("\n".join(groups) + "\n")


def run(command, cwd):
    """A command of a page: ``optimoe`` in a fork that starts at once, anything else as it is."""
    if command[:2] == ["optimoe", "measure"]:
        with running() as (url, _):
            return run_command(
                *(url if word == ENDPOINT else word for word in command[1:]), cwd=cwd, env=make_texts.PAGE
            )
    if command[0] == "optimoe":
        return run_command(*command[1:], cwd=cwd, env=make_texts.PAGE)
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, env=ENVIRONMENT, check=False)


@pytest.fixture(autouse=True)
def the_repository(tmp_path):
    """What commands of a page find where they are given from: files that ship, or that the page itself shows."""
    for name in ("examples", "docs"):
        (tmp_path / name).symlink_to(ROOT / name)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_run_and_print_what_the_page_shows_without_blanks_at_the_ends_of_lines(page, tmp_path):
    write_files(page, tmp_path)
    for block in blocks(page, "console"):
        for command, shown in make_texts.steps(block):
            done = run(shlex.split(command), tmp_path)
            assert done.returncode == 0, f"{command}: {done.stderr}"
            assert not re.search("[ \t]$", done.stdout, flags=re.MULTILINE), f"{command}: ends lines in blanks"
            if shown:
                assert make_texts.clean(done.stdout) == shown, command


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_python_of_the_page_runs(page, tmp_path):
    write_files(page, tmp_path)
    for block in blocks(page, "python"):
        done = run_python(block, tmp_path)
        assert done.returncode == 0, done.stderr


def test_the_law_file_of_the_docs_plans(tmp_path):
    (block,) = blocks(ROOT / "docs" / "laws.md", "toml")
    (tmp_path / "ours.toml").write_text(block)
    alike = "--top-k 1 --shared 0 --active-ffn-ratio 3 --first-dense-layers 0"  # but for E, which the law sees
    command = f"optimoe plan --train-flops 1e21 --serve-tokens 1B --experts 1,8 {alike} --law ours.toml --json"
    done = run(shlex.split(command), tmp_path)
    assert done.returncode == 0, done.stderr
    assert '"law": "ours"' in done.stdout


def test_the_run_and_the_record_of_the_docs_are_read(tmp_path):
    page = ROOT / "docs" / "runs.md"
    first, own = blocks(page, "toml")
    (tmp_path / "run.toml").write_text(first)
    (tmp_path / "runs.jsonl").write_text(*blocks(page, "json"))
    parts = from_config(tomllib.loads(own)["run"]["architecture"], name="own")
    assert (parts.num_layers, type(parts.layers[1].ffn).__name__) == (4, "PEER")
    (run,) = load_runs(tmp_path / "run.toml")
    (record,) = load_run_records(tmp_path / "runs.jsonl").records
    model = from_config(run.architecture, name=run.name)
    params = count_params(model)
    assert model == from_config(record.run.architecture, name=record.run.name)
    assert (record.params_total, record.params_active) == (params.total, params.active)
    assert (record.params_nonembedding, record.params_active_nonembedding) == (
        params.nonembedding,
        params.active_nonembedding,
    )
    assert record.train_flops_6nd == pytest.approx(6 * params.active * record.tokens_seen, rel=1e-2)


def test_every_field_of_a_run_and_of_a_record_stands_in_the_docs():
    page = (ROOT / "docs" / "runs.md").read_text()
    parts = {"schedule": Schedule, "optimizer": Optimizer, "data": DataMix}
    names = [field.name for cls in (RunSpec, RunRecord, RunLayout, CurvePoint) for field in fields(cls)]
    names += [f"{part}.{field.name}" for part, cls in parts.items() for field in fields(cls)]
    assert [name for name in names if name not in parts and f"`{name}`" not in page] == []


def test_the_laptop_of_the_docs_serves_on_the_engine_of_the_docs(tmp_path):
    write_files(ROOT / "docs" / "cost-model.md", tmp_path)
    write_files(ROOT / "docs" / "extending.md", tmp_path)
    command = (
        "optimoe cost llama-3.1-8b --gpus laptop.toml --engine engine.toml --precision int4 --concurrency 1 --json"
    )
    done = run(shlex.split(command), tmp_path)
    assert done.returncode == 0, done.stderr
    assert 0.05 < json.loads(done.stdout)["tpot_s"] < 0.2  # 4 GB of weights at 89.6 GB/s


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text()):
        assert (page.parent / target).exists(), target


def test_every_promised_file_is_there():
    for name in ("LICENSE", "CITATION.cff", "CHANGELOG.md", "CONTRIBUTING.md", "src/optimoe/py.typed"):
        assert (ROOT / name).is_file()
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert not any("torch" in requirement for requirement in extras["dependencies"])
    assert "torch==2.13.0" in (ROOT / "constraints.txt").read_text().splitlines()


def test_every_package_that_an_installation_brings_is_pinned():
    """A new release of some package never turns the tests red by itself."""
    pinned = {
        re.split("==", line)[0].lower().replace("_", "-")
        for line in (ROOT / "constraints.txt").read_text().splitlines()
        if "==" in line and not line.startswith("#")
    }
    brought, todo = set(), ["optimoe[dev]"]
    while todo:
        requirement = Requirement(todo.pop())
        for text in metadata.requires(requirement.name) or []:
            needed = Requirement(text)
            wanted = [{"extra": extra} for extra in requirement.extras or {""}]
            if needed.marker is None or any(needed.marker.evaluate(extra) for extra in wanted):
                name = needed.name.lower().replace("_", "-")
                if name not in brought:
                    brought.add(name)
                    todo.append(f"{name}[{','.join(needed.extras)}]" if needed.extras else name)
    assert brought - pinned == set()


def test_the_reference_is_that_of_the_code():
    done = run([sys.executable, str(ROOT / "docs" / "make_reference.py")], ROOT)
    assert done.stdout == (ROOT / "docs" / "reference.md").read_text(), "run docs/make_reference.py"


def test_the_rooms_of_the_architecture_page_are_those_of_the_code():
    done = run([sys.executable, str(ROOT / "docs" / "make_graph.py")], ROOT)
    assert done.returncode == 0, done.stderr
    (shown,) = blocks(ROOT / "docs" / "architecture.md", "text")
    assert done.stdout == shown, "run docs/make_graph.py"
