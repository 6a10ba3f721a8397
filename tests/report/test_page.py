import pytest

from optimoe.planner.plan import plan
from optimoe.report.pages.figures import front_figure, total_figure, tpot_figure
from optimoe.report.pages.plan_page import plan_page, write_plan
from optimoe.report.words.plan_prose import plan_lines
from tests.planner.asked import problem


@pytest.fixture(scope="module")
def result():
    return plan(problem(6e22, serve_tokens=5e12))


def test_the_lines_name_all_a_reader_asks_for(result):
    lines = plan_lines(result)
    text = " ".join(text for _, text in lines)
    assert {"Budget", "Traffic", "Train", "Loss", "Serve", "Total", "Instead", "Laws"} <= {
        label for label, _ in lines
    }
    for word in ("active", "layers", "heads", "tokens", "nats/token", "TPOT", "TTFT", "training", "bound by"):
        assert word in text
    assert result.problem.law.row.name in text


def test_the_page_is_whole_and_offline(result):
    page = plan_page(result)
    assert page.count("plotly-graph-div") >= 3
    assert "<script src" not in page
    assert "<link" not in page
    for row in result.assumptions:
        assert row.name in page
    for alternative in result.alternatives:
        assert f"E = {alternative.family.num_experts}" in page or alternative.family.num_experts == 1


def test_figures_show_the_plan_s_numbers(result):
    front = front_figure(result)
    points = [x for trace in front.data[1:] for x in trace.x]
    assert sorted(points) == pytest.approx(
        sorted([*(member.usd_per_mtok for member in result.front), result.choice.usd_per_mtok])
    )
    bars = total_figure(result)
    totals = [sum(parts) for parts in zip(*(trace.y for trace in bars.data), strict=True)]
    assert totals == pytest.approx([item.candidate.total_usd for item in result.by_family if item.candidate])
    assert sum(tpot_figure(result).data[0].x) == pytest.approx(1e3 * result.choice.tpot_s)


def test_the_files_of_a_plan_are_the_page_the_record_and_the_winner(result, tmp_path):
    files = write_plan(result, tmp_path)
    assert [file.name for file in files] == [
        "plan.html", "plan.json", "config.json", "recipe.toml", "megatron.args", "vllm.sh", "proxies.toml",
    ]  # fmt: skip
