"""The figures of an experiment: every run a point, a line by the law; and the one command that makes its page."""

import importlib.util
import subprocess
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from optimoe.arch.proportions import Proportions
from optimoe.laws.catalog import find_law
from optimoe.laws.runs import DesignRuns, Observations

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "yun2024"


def script(name):
    spec = importlib.util.spec_from_file_location(f"yun2024_{name}", EXAMPLE / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def some_runs():
    """Two widths, two budgets, three numbers of experts and two seeds."""
    archs, rows = [], []
    for width in (128, 256):
        for experts in (1, 4, 8):
            arch = Proportions(d_model=width, num_layers=4, num_experts=experts, expert_ffn_ratio=3, head_dim=32)
            for tokens in (2e6, 8e6):
                for seed in (0, 1):
                    archs.append(arch.arch(f"d{width}-e{experts}"))
                    rows.append((experts, tokens, 3 - 0.01 * experts - 1e-3 * width + 0.005 * seed))
    E, D, loss = np.array(rows, dtype=float).T
    return DesignRuns(observations=Observations(variables={"E": E, "D": D}, loss=loss), archs=tuple(archs))


def test_every_run_is_a_point_of_its_panel_and_the_line_is_the_laws():
    runs, law = some_runs(), find_law("optimoe2026")
    figure = script("figures").losses_figure(runs, law)
    assert [note.text for note in figure.layout.annotations] == ["2.00M tokens", "8.00M tokens"]
    points = [trace for trace in figure.data if trace.mode == "markers"]
    assert sorted(loss for trace in points for loss in trace.y) == pytest.approx(sorted(runs.observations.loss))
    line = next(one for one in figure.data if one.mode == "lines" and one.xaxis == "x2" and "256" in one.name)
    own = [arch for arch in dict.fromkeys(runs.archs) if arch.d_model == 256]
    assert list(line.x) == [1, 4, 8]
    assert list(line.y) == pytest.approx([float(law.arch_loss(arch, 8e6)) for arch in own])
    shown = [trace.name for trace in figure.data if trace.showlegend]
    assert len(shown) == len(set(shown)) == 4  # each width once, by its runs and by the law


def test_one_command_keeps_the_records_draws_the_figures_and_refreshes_the_page(monkeypatch, capsys):
    analyse, ran = script("analyse"), []

    def run(words, check):
        ran.append(" ".join(map(str, words[1:])))
        return SimpleNamespace(returncode=3 * ("make_texts" in ran[-1]))

    monkeypatch.setattr(subprocess, "run", run)
    assert analyse.main(["store"]) == 3  # of the step that failed
    export, figures, page = ran
    assert export.startswith("-m optimoe sweep export store ") and export.endswith("records.jsonl --bare")
    assert figures.endswith("yun2024/figures.py") and page.endswith("make_texts.py experiment")
    ran.clear()
    assert analyse.main(["store", "routers"]) == 3
    assert [step.endswith(".py") for step in ran] == [False, False] and ran[1].endswith("make_texts.py routers")
    for wrong in ([], ["store", "other"], ["store", "routers", "more"]):
        assert analyse.main(wrong) == 2
    assert "must be given the folder of a sweep" in capsys.readouterr().err
