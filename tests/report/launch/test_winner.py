import json
from dataclasses import replace

import pytest

from optimoe.arch.hf import from_config, load_config
from optimoe.arch.parts import DenseFFN, MoE
from optimoe.core.config import load_toml
from optimoe.core.run import load_runs
from optimoe.laws.fitting import save_law
from optimoe.planner.plan import plan
from optimoe.planner.problem.goal import LowestLoss
from optimoe.planner.runs.proxies import ladder
from optimoe.planner.runs.specs import proxy_runs, winner_run
from optimoe.report.launch.winner import WINNER_FILES, winner_files
from optimoe.report.pages.plan_page import write_plan
from tests.core.run.cases import HOSTILE
from tests.planner.asked import plain, problem, small_plan


@pytest.fixture(scope="module")
def result():
    return small_plan()


def hostile_law(folder):
    row = problem().law.row
    path = folder / f"{HOSTILE}.toml"
    save_law(replace(row, name=HOSTILE, source=f"fitted to 64 runs of {HOSTILE}"), path)
    return str(path)


def test_every_file_of_the_winner_is_read_back_whatever_the_law_is_called(tmp_path):
    result = plan(problem(law=hostile_law(tmp_path)))
    folder = tmp_path / HOSTILE
    write_plan(result, folder)
    winner = folder / "winner"
    assert load_runs(winner / "recipe.toml") == (winner_run(result),)
    assert load_runs(winner / "proxies.toml") == proxy_runs(result)
    told = load_toml(winner / "recipe.toml")["plan"]["predicted"]
    assert (told["law"], told["law_source"]) == (HOSTILE, f"fitted to 64 runs of {HOSTILE}")
    record = json.loads((folder / "plan.json").read_text())
    assert record["problem"]["law"] == HOSTILE
    assert replace(load_config(winner), name=result.choice.spec.name) == result.choice.spec


@pytest.mark.parametrize("attention", ["gqa", "mla"])
@pytest.mark.parametrize(
    ("stated", "model_type"),
    [
        ({"moe_every": (2,)}, {"gqa": "ernie4_5_moe", "mla": "glm4_moe_lite"}),
        (
            {"moe_every": (2,), "first_dense_layers": (4,), "num_shared_experts": (2,)},
            {"gqa": "ernie4_5_moe", "mla": "glm4_moe_lite"},
        ),
        ({"moe_every": (2,), "num_shared_experts": (1,)}, {"gqa": "llama4_text", "mla": "glm4_moe_lite"}),
        ({"first_dense_layers": (3,)}, {"gqa": "glm4_moe", "mla": "deepseek_v2"}),
    ],
)
def test_a_winner_with_any_pattern_of_layers_is_written_for_a_family_that_has_it(
    stated, model_type, attention, tmp_path
):
    space = plain(num_experts=(8,), top_k=(2,), max_width=2048, attention=(attention,), **stated)
    result = plan(problem(space=space, goal=LowestLoss()))
    write_plan(result, tmp_path)
    config = json.loads((tmp_path / "winner" / "config.json").read_text())
    assert config["model_type"] == model_type[attention]
    assert replace(load_config(tmp_path / "winner"), name="moe") == result.choice.spec
    proxies = load_runs(tmp_path / "winner" / "proxies.toml")
    read = [from_config(run.architecture, run.name) for run in proxies]
    mixed = [{type(group.ffn) for group in spec.layers} for spec in read if spec.moe]
    assert mixed
    assert all(kinds == {DenseFFN, MoE} for kinds in mixed)


def test_the_recipe_says_what_the_plan_predicts(result, tmp_path):
    (tmp_path / "recipe.toml").write_text(winner_files(result)["recipe.toml"])
    told, choice = load_toml(tmp_path / "recipe.toml")["plan"], result.choice
    assert told["training"] == {
        "tokens": choice.tokens,
        "train_flops": choice.training.flops,
        "flops_convention": "6ND, active",
        "mfu": choice.training.mfu,
        "gpu_hours": choice.training.gpu_hours,
        "usd": choice.training.usd,
    }
    assert told["model"]["params_total"] == choice.params.total
    assert told["model"]["num_experts"] == choice.spec.moe.num_experts
    assert told["predicted"]["loss_low"] < told["predicted"]["loss"] < told["predicted"]["loss_high"]


def test_the_proxies_say_what_each_takes(result, tmp_path):
    (tmp_path / "proxies.toml").write_text(winner_files(result)["proxies.toml"])
    told = load_toml(tmp_path / "proxies.toml")["plan"]["train_flops"]
    assert told == {proxy.spec.name: proxy.train_flops for proxy in ladder(result.choice, result.problem.space)}


def test_proxies_of_an_earlier_plan_do_not_stay_beside_a_winner_that_has_none(result, tmp_path):
    write_plan(result, tmp_path)
    (tmp_path / "winner" / "notes.txt").write_text("mine")
    tiny = plan(problem(1e17, space=plain(num_experts=(1,), num_kv_heads=(1,), width_step=128, max_width=256)))
    files = write_plan(tiny, tmp_path)
    left = {path.name for path in (tmp_path / "winner").iterdir()}
    assert left == {"config.json", "recipe.toml", "megatron.args", "vllm.sh", "notes.txt"}
    assert {file.name for file in files} == left - {"notes.txt"} | {"plan.html", "plan.json"}


def test_a_folder_by_the_name_of_a_file_of_ours_is_left_as_it_is(tmp_path):
    tiny = plan(problem(1e17, space=plain(num_experts=(1,), num_kv_heads=(1,), width_step=128, max_width=256)))
    (tmp_path / "winner" / "proxies.toml").mkdir(parents=True)
    write_plan(tiny, tmp_path)
    assert (tmp_path / "winner" / "proxies.toml").is_dir()


def test_a_winner_has_no_file_that_the_next_plan_would_not_know(result):
    assert set(winner_files(result)) | {"sglang.sh"} == set(WINNER_FILES)
