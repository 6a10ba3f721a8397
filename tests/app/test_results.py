"""What the doors give shows itself: words, a piece of a page, a table, figures, files."""

import numpy as np
import pytest

import optimoe
from optimoe.core.errors import InputError, UnknownNameError
from optimoe.core.records import to_values
from optimoe.laws.catalog import find_law
from optimoe.report.records.plan.candidate import candidate_record
from optimoe.report.words.plan.headline import headline
from tests.planner.asked import problem, small_plan


@pytest.fixture(scope="module")
def result():
    return small_plan()


def test_a_plan_sums_itself_up_as_the_command_prints_it(result):
    text = result.summary(80)
    assert " ".join(text.split()).startswith(headline(result))
    assert max(map(len, text.splitlines())) <= 80
    assert headline(result) in result.summary(None)


def test_a_plan_in_a_notebook_is_its_headline_and_its_tables(result):
    html = result._repr_html_()
    assert headline(result) in html
    assert html.count("<table>") == html.count("</table>") >= 4
    assert "<script" not in html


def test_every_design_of_a_plan_is_a_row_with_the_numbers_of_its_record(result):
    columns = result.to_frame("dict")
    assert columns["role"][:2] == ["choice", "lowest_loss"]
    assert len(set(map(len, columns.values()))) == 1
    first = {name: values[0] for name, values in columns.items()}
    record = to_values(candidate_record(result.choice))
    assert (first["loss"], first["total_usd"]) == (record["loss"], record["total_usd"])
    assert first["arch.d_model"] == record["arch"]["d_model"]
    others = [item for item in result.alternatives if item.candidate]
    assert columns["role"].count("alternative") == len(others)
    assert columns["role"].count("front") == len(result.front)


def test_a_plan_draws_the_figures_of_its_page_and_lists_them(result):
    for kind in ("", "total", "tpot", "front", "size"):
        assert result.plot(kind).data
    with pytest.raises(UnknownNameError, match="front, size, total, tpot"):
        result.plot("zzz")


def test_a_plan_saves_what_the_command_writes_and_nothing_of_others(result, tmp_path):
    files = result.save(tmp_path / "plan")
    assert {"plan.html", "plan.json", "config.json"} <= {path.name for path in files}
    assert all(path.exists() for path in files)
    (tmp_path / "plan" / "plan.html").write_text("my own")
    with pytest.raises(InputError, match="not overwritten"):
        result.save(tmp_path / "plan")
    result.save(tmp_path / "plan", force=True)


def test_a_design_is_scored_under_a_plan_that_is_made_already(result):
    own = result.score("mixtral-8x7b")
    asked = optimoe.plan(problem(scored=(optimoe.find_model("mixtral-8x7b"),))).scored[0]
    assert own.in_budget.loss == asked.in_budget.loss
    assert own.spec.name == "mixtral-8x7b"
    with pytest.raises(UnknownNameError, match="nearest: mixtral-8x7b"):
        result.score("mixtral-8x8b")


def test_a_counted_model_shows_its_sizes():
    counted = optimoe.count("mixtral-8x7b")
    assert "46,702,792,704 total" in counted.summary()
    assert "<table>" in counted._repr_html_()
    assert counted.to_frame("dict")["params.routed_experts"] == [counted.params.routed_experts]


def test_a_served_model_shows_its_numbers_and_a_grid_has_a_row_for_each():
    served = optimoe.predict_serving("mixtral-8x7b", gpus="2xh100-sxm", concurrency=16)
    assert f"TPOT {1e3 * float(served.tpot_s):.1f} ms" in served.summary()
    assert sum(served.plot().data[0].x) == pytest.approx(1e3 * float(served.tpot_s))
    assert served.to_frame("dict")["tpot_s"] == [float(served.tpot_s)]
    (deployment,) = problem().deployments
    layout = optimoe.Layout(tp=np.array([4, 8]), dp=np.array([2, 1]))
    grid = optimoe.predict_serving("mixtral-8x7b", deployment, layout=layout, concurrency=16)
    columns = grid.to_frame("dict")
    assert columns["layout.tp"] == [4, 8]
    assert columns["tpot_s"] == pytest.approx(grid.tpot_s.tolist())
    assert "2 estimates" in grid.summary()


def test_a_fit_shows_its_verdict_and_is_saved_as_a_law(tmp_path):
    sizes, tokens = np.repeat([1e8, 3e8, 1e9], 4), np.tile([2e9, 6e9, 2e10, 6e10], 3)
    loss = find_law("besiroglu2024").loss(N=sizes, D=tokens)
    fitted = optimoe.fit(optimoe.Observations(variables={"N": sizes, "D": tokens}, loss=loss), "chinchilla")
    assert fitted.verdict.replace("_", " ") in fitted.summary()
    columns = fitted.to_frame("dict")
    found = dict(zip(columns["coefficient"], columns["value"], strict=True))
    assert found == pytest.approx(fitted.coefficients)
    saved = fitted.save(tmp_path / "ours.toml")
    assert optimoe.find_law(str(saved)).row.coefficients == pytest.approx(fitted.coefficients)
