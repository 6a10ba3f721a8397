"""Every public result shows itself: words, a piece of a page, a table, and figures that it lists."""

from functools import cache
from pathlib import Path

import numpy as np
import pytest

import optimoe
from optimoe.app.replies.reply import LONGEST_LINE
from optimoe.app.results import VIEWS
from optimoe.core.errors import InputError, UnknownNameError
from optimoe.core.results.shown import Shown
from optimoe.laws.catalog import find_law
from optimoe.trainer.sweep.store import SweepStore
from optimoe.trainer.sweep.sweep import SweepOutcome
from tests.planner.asked import small_plan
from tests.report.pages.made import checked, measurement, swept


def fitted():
    sizes, tokens = np.repeat([1e8, 3e8, 1e9], 4), np.tile([2e9, 6e9, 2e10, 6e10], 3)
    loss = find_law("besiroglu2024").loss(N=sizes, D=tokens)
    return optimoe.fit(optimoe.Observations(variables={"N": sizes, "D": tokens}, loss=loss), "chinchilla")


def fleet():
    return optimoe.size_fleet("mixtral-8x7b", gpu="h100-sxm", requests_per_s=50, tpot="40ms")


def swept_outcome():
    return SweepOutcome(store=SweepStore(Path("store")), states=swept(), reckoning=None)


RESULTS = {
    "plan": (small_plan, ("total", "tpot", "front", "size")),
    "score": (lambda: small_plan().score("mixtral-8x7b"), ("total",)),
    "count": (lambda: optimoe.count("mixtral-8x7b"), ("parameters",)),
    "cost": (lambda: optimoe.predict_serving("mixtral-8x7b", gpus="2xh100-sxm", concurrency=16), ("tpot",)),
    "fleet": (fleet, ("fleets",)),
    "curves": (
        lambda: optimoe.draw_curves("llama-3.1-8b", gpus="1xh100-sxm"), ("frontier", "context", "batch", "tpot")
    ),
    "compare": (lambda: optimoe.compare_models("mixtral-8x7b", "llama-3.1-8b"), ("dense",)),
    "fit": (fitted, ("law",)),
    "predict": (lambda: optimoe.predict_by_law("besiroglu2024", set={"N": 1e9, "D": 2e10}), ("value",)),
    "compare laws": (lambda: optimoe.compare_laws("mixtral-8x7b", tokens="1T"), ("opinions",)),
    "decide": (lambda: optimoe.decide_by_laws("1e22"), ("num_experts", "tokens_per_param")),
    "check": (checked, ("tpot", "ttft")),
    "measurement": (measurement, ("throughput", "ttft", "tpot")),
    "sweep": (swept_outcome, ("losses", "curves")),
    "run": (lambda: swept()[0].record, ("curve",)),
}  # fmt: skip


@cache
def result(name):
    return RESULTS[name][0]()


def test_every_kind_of_result_that_shows_itself_is_here():
    here = {type(result(name)).__name__ for name in RESULTS}
    assert here == set(VIEWS)


@pytest.mark.parametrize("name", RESULTS)
def test_a_result_shows_itself_in_words_and_in_a_notebook(name):
    found = result(name)
    assert isinstance(found, Shown)
    text = found.summary(100)
    assert text.strip()
    assert max(map(len, text.splitlines())) <= 100
    page = found._repr_html_()
    assert "<table>" in page
    assert "<script" not in page


@pytest.mark.parametrize("name", RESULTS)
def test_a_result_is_a_table_for_pandas_and_polars(name):
    columns = result(name).to_frame("dict")
    (length,) = set(map(len, columns.values()))
    assert length >= 1
    for kind in ("pandas", "polars"):
        pytest.importorskip(kind)
        assert result(name).to_frame(kind).shape == (length, len(columns))


@pytest.mark.parametrize("name", RESULTS)
def test_a_result_draws_its_figures_and_lists_them(name):
    found, kinds = result(name), RESULTS[name][1]
    assert found.plot().layout.title.text == found.plot(kinds[0]).layout.title.text
    for kind in kinds:
        figure = found.plot(kind)
        assert figure.data
        assert figure.layout.title.text
    with pytest.raises(UnknownNameError, match="known: "):
        found.plot("zzz")


def test_an_answer_is_its_words_in_a_line():
    assert repr(result("predict")).startswith("L 2.529212 nats/token")
    assert len(repr(result("fleet"))) <= LONGEST_LINE
    assert repr(result("fleet")).endswith("…")


def test_what_an_answer_shows_is_of_its_record():
    record, figure = result("fleet").record(), result("fleet").plot()
    assert list(figure.data[0].x) == [one.usd_per_hour for one in record.fleets]
    assert result("fleet").to_frame("dict")["num_gpus"] == [one.num_gpus for one in record.fleets]
    verdicts = {one.question: one for one in result("decide").record().verdicts}
    drawn = result("decide").plot("num_experts").data[0]
    assert list(drawn.x) == [one.value for one in verdicts["num_experts"].answers]
    models = result("compare").record().models
    assert [trace.name for trace in result("compare").plot().data] == [one.name for one in models]
    assert result("compare").plot().data[0].x[-1] == models[0].params_total
    count = result("count")
    assert sum(sum(trace.x) for trace in count.plot().data) == count.params.total


def test_a_fitted_law_is_drawn_over_the_range_of_its_runs():
    line = result("fit").plot().data[0]
    assert (line.x[0], line.x[-1]) == pytest.approx(result("fit").law.range["D"])
    assert list(line.y) == sorted(line.y, reverse=True)


def test_the_door_of_sweeps_begins_without_being_asked(tmp_path):
    pytest.importorskip("torch")
    with pytest.raises(InputError, match=r"no.toml: cannot be read"):
        optimoe.sweep(tmp_path / "no.toml")
