"""The example notebooks run, and hold what their cells show today."""

import json
from importlib import util
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
_spec = util.spec_from_file_location("make_notebooks", ROOT / "examples" / "make_notebooks.py")
make_notebooks = util.module_from_spec(_spec)
_spec.loader.exec_module(make_notebooks)


def shown(notebook):
    """What a person reads below the cells: words and pieces of pages; figures by their titles."""
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    looks = [one.get("data", one) for cell in cells for one in cell["outputs"]]
    return [{kind: text for kind, text in look.items() if kind != make_notebooks.PLOTLY} for look in looks]


@pytest.mark.parametrize("name", ["plan", "your-runs"])
def test_a_notebook_runs_and_holds_what_its_cells_show(name, monkeypatch):
    monkeypatch.chdir(ROOT)
    held = json.loads((ROOT / "examples" / f"{name}.ipynb").read_text(encoding="utf-8"))
    assert shown(held) == shown(make_notebooks.executed(held)), "run examples/make_notebooks.py"
    looks = [one["data"] for cell in held["cells"] for one in cell.get("outputs", ())]
    assert sum(make_notebooks.PLOTLY in look for look in looks) >= 2


def test_what_a_cell_prints_and_ends_with_is_kept():
    world = {}
    printed, ended = make_notebooks.outputs("print('a')\nb = 2\nb + 1", world, 1)
    assert printed["text"] == ["a\n"]
    assert ended["data"]["text/plain"] == ["3"]
    assert make_notebooks.outputs("c = b", world, 2) == []
    assert world["c"] == 2
