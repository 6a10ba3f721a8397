"""Makes and executes the example notebooks: python examples/make_notebooks.py [plan|your-runs].

Cells run one after another in one namespace, here and without Jupyter; what they show is kept as Jupyter would keep it.
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

PLAN = [
    "# A plan, from the question to its doubts",
    "Which model to train on 64 H100s in 30 days, if it then generates a trillion tokens on nodes of 8 H100s, at most 50 ms a token? "
    "The space is small here, so that it answers in seconds: leave `experts` and what follows out for all of it.",
    "```\nimport optimoe\n\nplan = optimoe.plan(\n    train_gpus='64xh100-sxm', train_days=30, serve_tokens='1T', serve_gpus='8xh100-sxm', tpot='50ms',\n"
    "    experts=[1, 16, 64], top_k=[2, 8], attention='gqa', shared=0,\n)\nplan",
    "The plan shows itself as the command prints it. Its designs are a table, its figures those of its page:",
    "```\nframe = plan.to_frame('dict')\nlist(zip(frame['role'], frame['arch.num_experts'], [round(loss, 3) for loss in frame['loss']]))[:6]",
    "```\nplan.plot('total')",
    "```\nplan.plot('front')",
    "A design of one's own under the same question:",
    "```\nplan.score('qwen3-30b-a3b')",
    "Where a token's time goes while it is served, and what another node would do:",
    "```\noptimoe.predict_serving(plan.choice.spec, gpus='8xh200-sxm', precision='fp8', tpot='50ms')",
    "What each law would decide with the arithmetic of that training, 6ND:",
    "```\noptimoe.decide_by_laws(6 * plan.choice.params.active * plan.choice.tokens).plot('tokens_per_param')",
]

YOUR_RUNS = [
    "# Your own runs",
    "A table with a row for each training run: sizes, tokens, experts, final loss. Columns may have any names. This sample was drawn from a published law "
    "with 0.3 % of noise (`examples/README.md`).",
    "```\nfrom pathlib import Path\n\nimport optimoe\n\nexamples = next(one for one in (Path('examples'), Path()) if (one / 'runs.csv').exists())\n"
    "columns = {'N_act': 'active', 'D': 'tokens', 'E': 'experts', 'loss': 'final'}\nruns = optimoe.load_observations(examples / 'runs.csv', columns)\nlen(runs)",
    "A family of laws fitted to them. The verdict says whether the runs determine the coefficients: 64 experts say too little of where their worth ends, so "
    "that `E_max` is held at the paper's value.",
    "```\nfitted = optimoe.fit(runs, 'ludziejewski2025', fix={'E_max': 290})\nfitted",
    "```\nfitted.plot()",
    "The law is a file, and plans as every other law does:",
    "```\nfrom tempfile import TemporaryDirectory\n\nwith TemporaryDirectory() as folder:\n    law = fitted.save(Path(folder) / 'ours.toml')\n"
    "    plan = optimoe.plan(\n        law=str(law), train_flops='1e21', serve_tokens='100B', serve_gpus='8xh100-sxm', experts=[1, 8, 32], top_k=1, shared=0,\n"
    "        active_ffn_ratio=3, first_dense_layers=0,\n    )\nplan",
    "```\nplan.plot('size')",
    "What the plan says under **Careful** is what to do next: `optimoe laws next-runs` names the runs that would tell most for their cost.",
]

NOTEBOOKS = {"plan": PLAN, "your-runs": YOUR_RUNS}


def executed(cells: list[str]) -> dict[str, Any]:
    """A notebook with what its cells show.

    Args:
        cells: Markdown; code behind three backticks.
    """
    world: dict[str, Any] = {"__name__": "__main__"}
    made, number = [], 0
    for at, cell in enumerate(cells):
        is_code = cell.startswith("```\n")
        source = cell.removeprefix("```\n")
        one = {"cell_type": "code" if is_code else "markdown", "id": f"cell-{at}", "metadata": {}}
        if is_code:
            number += 1
            one |= {"execution_count": number, "outputs": outputs(source, world, number)}
        made.append(one | {"source": source.splitlines(keepends=True)})
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    return {"cells": made, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}


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
    for name in sys.argv[1:] or NOTEBOOKS:
        path = HERE / f"{name}.ipynb"
        path.write_text(text_of(executed(NOTEBOOKS[name])), encoding="utf-8")
        print(f"{path.name}: executed")
