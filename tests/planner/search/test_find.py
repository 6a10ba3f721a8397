"""What a search finds, against every design on every deployment in every layout, and against cost."""

import json
import subprocess
import sys
from dataclasses import replace

import pytest

from optimoe.arch.hf import load_config, to_config
from optimoe.arch.params import count_params
from optimoe.core.errors import InfeasibleError
from optimoe.cost.hardware.accelerator import Cluster
from optimoe.cost.serving.workload import Limits
from optimoe.cost.sizing.layouts import best_serving
from optimoe.cost.training.search import best_training
from optimoe.planner.plan import choose, plan
from optimoe.planner.pricing import PricedGrids
from optimoe.planner.problem.goal import LeastCost, LowestLoss, NearBest
from optimoe.planner.search.best_first import SLACK
from tests.planner.asked import on, plain, problem

FEW = plain(num_experts=(1, 8), top_k=(2,), max_width=2048, depth_step=8)
"""A few designs of two families."""

AXES = plain(
    num_experts=(16,),
    top_k=(2,),
    ffn_ratio=(),
    active_ffn_ratio=(2.0, 4.0),
    num_shared_experts=(0, 1),
    attention=("mla",),
    first_dense_layers=(0, 1),
    max_width=1024,
    depth_step=8,
)
"""A design or two of each family of the newer axes."""


def two_boxes(asked):
    """The problem with one GPU and with eight."""
    (one,) = asked.deployments
    alone = replace(one, cluster=Cluster(accelerator=one.cluster.accelerator, num_gpus=1))
    return replace(asked, deployments=(alone, one))


def by_cost(asked):
    """Every design of the space with the best of the deployments, as ``optimoe cost`` prices one model."""
    designs = []
    for family, shapes in asked.space.members(asked.space.every()).items():
        grid = asked.space.designs({family: shapes})
        for row in range(len(shapes.d_model)):
            spec = asked.space.stacked(family, grid.at(row))
            prices = [usd for deployment in asked.deployments if (usd := price_of(spec, deployment))]
            designs += [(spec, min(prices))] if prices else []
    return designs


def price_of(spec, deployment):
    try:
        return float(best_serving(spec, deployment).usd_per_mtok)
    except InfeasibleError:
        return None


def least(asked, designs, goal):
    """The least of what a goal minimises, one design at a time."""
    best, training = float("inf"), asked.training
    for spec, usd_per_mtok in designs:
        params = count_params(spec)
        mfu = training.given_mfu(training.utilisation.mfu, params.active, params.router)
        most = float(training.affordable_tokens(params.active, mfu, params.router))
        curve = asked.law.arch_curve(spec)
        serve = usd_per_mtok * asked.lifetime_tokens / 1e6
        if isinstance(goal, LowestLoss):
            best = min(best, float(curve.loss(most)) if usd_per_mtok <= goal.usd_per_mtok else float("inf"))
            continue
        tokens = float(curve.tokens(goal.max_loss))
        if tokens <= most * (1 + 1e-9):
            train = float(training.usd_per_token(params.active, mfu)) * tokens if goal.count == "total" else 0.0
            best = min(best, serve + train)
    return best


@pytest.mark.parametrize(("space", "whole"), [(FEW, True), (AXES, False)], ids=["priced whole", "best first"])
def test_the_choice_is_the_least_of_every_design_deployment_and_layout(space, whole, monkeypatch):
    asked = two_boxes(problem(flops=3e20, space=space, limits=Limits(tpot_s=0.02), law="optimoe2026"))
    designs, memory = by_cost(asked), PricedGrids()
    assert len(designs) >= 4
    monkeypatch.setattr("optimoe.planner.search.listing.FEW_POINTS", 1_000 if whole else 0)
    slack = (lambda goal: 1e-9) if whole else SLACK.get
    lowest = least(asked, designs, LowestLoss())
    choice = choose(replace(asked, goal=LowestLoss()), memory)
    assert choice.loss.value == pytest.approx(lowest, rel=slack(LowestLoss))
    for count in ("total", "serving"):
        goal = LeastCost(max_loss=1.02 * lowest, count=count)
        choice = choose(replace(asked, goal=goal), memory)
        usd = choice.total_usd if count == "total" else choice.serve_usd
        cheapest = least(asked, designs, goal)
        assert cheapest * (1 - 1e-9) <= usd <= cheapest * (1 + slack(LeastCost))


def test_dollars_of_the_choice_and_of_every_row_beside_it_are_those_of_cost(tmp_path):
    asked = two_boxes(replace(on(16, days=5.0), space=plain(num_experts=(1, 8), max_width=2048, depth_step=8)))
    found = plan(asked)
    rows = [found.choice, found.lowest_loss, found.best_dense, *(item.candidate for item in found.alternatives)]
    for row in filter(None, rows):
        assert_costs_what_its_config_does(asked, row, tmp_path)


def assert_costs_what_its_config_does(asked, row, folder):
    """Serving to the bit and training to rounding, as ``cost`` and ``cost train`` price the written config."""
    (folder / "config.json").write_text(json.dumps(to_config(row.spec)))
    spec = load_config(folder)
    served, trained = best_serving(spec, row.deployment), best_training(spec, asked.training.run)
    assert row.usd_per_mtok == served.usd_per_mtok
    assert row.training.layout == trained.layout
    priced = replace(trained, run=replace(trained.run, price=asked.training.price))
    assert row.train_usd == pytest.approx(priced.usd(row.tokens), rel=1e-12)


def test_a_scored_design_of_the_space_never_beats_the_choice(monkeypatch):
    monkeypatch.setattr("optimoe.planner.search.listing.FEW_POINTS", 0)
    monkeypatch.setattr("optimoe.planner.search.best_first.MOST_ROUNDS", 0)  # the search itself finds nothing
    asked = problem(flops=3e20, space=FEW, goal=NearBest(loss_slack=0.05))
    (family, *_), (shapes, *_) = zip(*asked.space.members(asked.space.every()).items(), strict=True)
    specs = [asked.space.stacked(family, asked.space.designs({family: shapes}).at(row)) for row in (0, 2)]
    assert all(asked.space.contains(spec) for spec in specs)
    found = plan(replace(asked, scored=tuple(specs)), PricedGrids())
    least_usd = found.choice.total_usd * (1 - 1e-7)  # equal loss is a billionth looser than the goal's
    for scored in found.scored:
        assert scored.candidate is None or scored.candidate.total_usd >= least_usd
    assert any(found.choice.spec == replace(spec, name=found.choice.spec.name) for spec in specs)


def test_a_plan_and_cost_agree_through_two_processes(tmp_path):
    stated = "--gpus 2xh100-sxm --precision fp8 --tpot 30ms --input-tokens 2000 --output-tokens 300"
    served = stated.replace("--gpus", "--serve-gpus")
    asked = (
        f"plan --train-flops 1e20 --serve-tokens 1T {served} --experts 1,8 --top-k 2 --active-ffn-ratio 3 "
        f"--shared 0 --attention gqa --first-dense-layers 0 --quick --json --out {tmp_path}"
    )
    found = run(asked)
    again = run(f"cost {tmp_path}/winner/config.json {stated} --json")
    assert found["choice"]["usd_per_mtok"] == again["usd_per_mtok"]
    assert found["choice"]["tpot_s"] == again["tpot_s"]


def run(words):
    """A command in a process of its own: its JSON."""
    code = "from optimoe.app.main import main; main()"
    done = subprocess.run([sys.executable, "-c", code, *words.split()], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


NEAR = plain(
    num_experts=(1, 8), top_k=(2,), num_shared_experts=(1,), attention=("gqa", "gqa-swa", "gqa-gdn"),
    first_dense_layers=(1,), max_width=1024, depth_step=8,
)  # fmt: skip
"""A design or two of each family with windows and with linear layers, some of them dense at the bottom."""


def on_one_gpu(asked, **work):
    """The problem on one GPU, with requests of other lengths."""
    (one,) = asked.deployments
    alone = Cluster(accelerator=one.cluster.accelerator, num_gpus=1)
    return replace(asked, deployments=(replace(one, cluster=alone, workload=replace(one.workload, **work)),))


@pytest.mark.parametrize("whole", [True, False], ids=["priced whole", "best first"])
def test_the_choice_among_windows_and_linear_layers_is_the_least_of_every_design_and_layout(whole, monkeypatch):
    monkeypatch.setattr("optimoe.planner.search.listing.FEW_POINTS", 1_000 if whole else 0)
    asked = on_one_gpu(problem(flops=3e20, space=NEAR, law="optimoe2026"), input_tokens=16_384)
    designs = by_cost(asked)
    assert len(designs) >= 6
    goal = LeastCost(max_loss=1.02 * least(asked, designs, LowestLoss()))
    choice, cheapest = choose(replace(asked, goal=goal), PricedGrids()), least(asked, designs, goal)
    assert cheapest * (1 - 1e-9) <= choice.total_usd <= cheapest * (1 + (1e-9 if whole else SLACK[LeastCost]))


@pytest.mark.parametrize("kind", ["gqa-swa", "gqa-gdn"])
def test_dollars_of_windows_and_linear_layers_are_those_of_cost_on_their_config(kind, tmp_path):
    space = replace(NEAR, num_experts=(8,), attention=(kind,))
    asked = on_one_gpu(replace(on(4, days=5.0), space=space), input_tokens=30_000)
    row = choose(asked, PricedGrids())
    assert len(row.spec.layers) > len(row.family.kinds_of_layers)  # they alternate
    assert_costs_what_its_config_does(asked, row, tmp_path)


@pytest.mark.parametrize(
    ("input_tokens", "output_tokens", "saved"), [(131_072, 1_024, (0.4, 1.0)), (128, 64, (0.0, 0.05))]
)
def test_windows_win_at_a_long_context_and_hardly_matter_at_a_short_one(input_tokens, output_tokens, saved):
    space = plain(num_experts=(8,), top_k=(2,), attention=("gqa", "gqa-swa"), max_width=1024, depth_step=8)
    asked = problem(flops=3e20, space=space, limits=Limits())
    asked = on_one_gpu(asked, input_tokens=input_tokens, output_tokens=output_tokens)
    full = choose(replace(asked, space=replace(space, attention=("gqa",))), PricedGrids())
    both = choose(asked, PricedGrids())
    low, high = saved
    assert low <= 1 - both.serve_usd / full.serve_usd <= high
    assert both.family.attention == "gqa-swa" or low == 0
    assert both.loss.value == pytest.approx(full.loss.value, rel=0.01)
