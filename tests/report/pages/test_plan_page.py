"""The page of a plan is whole, offline and safe, and stands beside the record and the winner."""

import json
from dataclasses import replace

import pytest

from optimoe import __version__
from optimoe.arch.catalog import find_model
from optimoe.planner.plan import plan
from optimoe.planner.problem.training import Training
from optimoe.report.pages.plan_page import plan_page, write_plan
from optimoe.report.words.plan.alternatives import alternatives_table
from optimoe.report.words.plan.headline import title
from tests.planner.asked import problem
from tests.report.plans import usual_plan

HOSTILE = "<script>alert('x')</script>"


@pytest.fixture(scope="module")
def result():
    return usual_plan()


def test_the_page_is_whole(result):
    page = plan_page(result)
    for row in result.assumptions:
        assert row.name in page
    for row in alternatives_table(result).rows[1:]:
        assert all(cell in page for cell in row)
    assert page.count('role="img" aria-label="') == page.count("<figcaption>") >= 3
    assert title(result) in page


def test_the_page_escapes_names(result):
    named = replace(result.problem.training.accelerator, name=HOSTILE)
    training = Training(accelerator=named, price=result.problem.training.price, budget_gpu_s=1e9)
    deployment = result.problem.deployments[0]
    cluster = replace(deployment.cluster, accelerator=named)
    asked = replace(result.problem, training=training, deployments=(replace(deployment, cluster=cluster),))
    assumption = replace(result.assumptions[0], source=HOSTILE, name=HOSTILE)
    page = plan_page(replace(result, problem=asked, assumptions=(assumption,), warnings=(HOSTILE,)))
    assert HOSTILE not in page
    escaped = "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;"
    assert page.count(escaped) == 6  # budget, traffic, energy, warning, name and source of an assumption


def test_a_family_that_does_not_meet_the_limits_is_said_to(result):
    none = tuple(replace(item, candidate=None) for item in result.alternatives)
    page = plan_page(replace(result, alternatives=none, front=()))
    others = [item for item in none if item.family != result.choice.family]
    assert page.count("none fits the GPUs") == len({item.family.num_experts for item in others})


def test_the_files_of_a_plan_are_the_page_the_record_and_the_winner(result, tmp_path):
    files = write_plan(result, tmp_path)
    assert [file.name for file in files] == [
        "plan.html", "plan.json", "config.json", "recipe.toml", "megatron.args", "vllm.sh", "proxies.toml",
    ]  # fmt: skip
    record = json.loads((tmp_path / "plan.json").read_text())
    assert next(iter(record)) == "schema_version"
    assert record["choice"]["loss"] == result.choice.loss.value
    assert (record["made"]["version"], record["made"]["command"]) == (__version__, "")  # of Python
    assert record["robustness"] is None


def test_models_of_one_s_own_stand_in_the_table_and_are_escaped():
    mixtral = find_model("mixtral-8x7b")
    result = plan(problem(law="optimoe2026", scored=(replace(mixtral, name=HOSTILE), find_model("deepseek-v3"))))
    page = plan_page(result)
    assert HOSTILE not in page
    assert page.count("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;") == 2  # its row and its sentence
    assert page.count("deepseek-v3, first 3 layers dense") == 2
    assert page.count("none that fits the GPUs") == 1
