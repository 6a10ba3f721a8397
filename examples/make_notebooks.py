"""Executes the example notebooks and keeps what their cells show: python examples/make_notebooks.py [plan …].

Cells run one after another in one namespace, here, without Jupyter, as Jupyter would keep them.
"""

import ast
import io
import json
import os
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
PLOTLY = "application/vnd.plotly.v1+json"


def executed(notebook: dict[str, Any]) -> dict[str, Any]:
    """A notebook with what its cells show now.

    Args:
        notebook: As its file holds it.
    """
    world: dict[str, Any] = {"__name__": "__main__"}
    cells, number = [], 0
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            number += 1
            shown = outputs("".join(cell["source"]), world, number)
            cell = cell | {"execution_count": number, "outputs": shown}
        cells.append(cell)
    return notebook | {"cells": cells}


def outputs(source: str, world: dict[str, Any], number: int) -> list[dict[str, Any]]:
    """What a cell prints, and what its last expression is."""
    body, said = ast.parse(source).body, io.StringIO()
    last = body.pop() if isinstance(body[-1], ast.Expr) else None
    with redirect_stdout(said):
        exec(compile(ast.Module(body, []), "cell", "exec"), world)
        value = eval(compile(ast.Expression(last.value), "cell", "eval"), world) if last else None
    shown: list[dict[str, Any]] = []
    if said.getvalue():
        shown.append(
            {"name": "stdout", "output_type": "stream", "text": said.getvalue().splitlines(keepends=True)}
        )
    if value is not None:
        result = {"data": looks(value), "execution_count": number, "metadata": {}, "output_type": "execute_result"}
        shown.append(result)
    return shown


def looks(value: Any) -> dict[str, Any]:
    """A value as a notebook shows it: a figure, a piece of a page, or its line."""
    if hasattr(value, "to_plotly_json"):
        title = value.layout.title.text
        return {PLOTLY: json.loads(value.to_json()), "text/plain": [f"Figure: {title}"]}
    rich = {"text/html": value._repr_html_().splitlines(keepends=True)} if hasattr(value, "_repr_html_") else {}
    return rich | {"text/plain": repr(value).splitlines(keepends=True)}


def text_of(notebook: dict[str, Any]) -> str:
    """A notebook as its file holds it."""
    return json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    os.chdir(HERE.parent)
    for path in sorted(HERE.glob("*.ipynb")):
        if path.stem in sys.argv[1:] or not sys.argv[1:]:
            path.write_text(text_of(executed(json.loads(path.read_text(encoding="utf-8")))), encoding="utf-8")
            print(f"{path.name}: executed")
