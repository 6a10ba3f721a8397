from dataclasses import asdict, replace

import pytest

from optimoe.arch.hf import from_config
from optimoe.arch.params import count_params
from optimoe.arch.parts import Attention, DenseFFN, LatentAttention
from optimoe.core.errors import InfeasibleError
from optimoe.core.run import load_runs, save_runs
from optimoe.cost.hardware.accelerator import Cluster
from optimoe.cost.training.estimate import TrainRun
from optimoe.laws.catalog import find_law
from optimoe.planner.plan import plan
from optimoe.planner.problem.goal import LowestLoss
from optimoe.planner.runs.proxies import ladder
from optimoe.planner.runs.specs import proxy_runs, published_batch_tokens, published_peak_rate, winner_run
from tests.planner.asked import H100, plain, problem

SPACES = {
    "shared": plain(num_experts=(16,), num_shared_experts=(1,), num_kv_heads=(4,), max_width=2048),
    "mla": plain(num_experts=(8,), attention=("mla",), max_width=2048),
    "dense": plain(num_experts=(1,), max_width=2048),
    "fine": plain(num_experts=(16,), top_k=(4,), max_width=2048),
}


@pytest.fixture(scope="module", params=SPACES)
def planned(request):
    return request.param, plan(problem(goal=LowestLoss(), space=SPACES[request.param]))


def test_each_proxy_read_back_from_a_file_is_the_model_that_was_planned(planned, tmp_path):
    kind, result = planned
    proxies, runs = ladder(result.choice, result.problem.space), proxy_runs(result)
    save_runs(tmp_path / "proxies.toml", runs)
    back = load_runs(tmp_path / "proxies.toml")
    assert back == runs
    for proxy, run in zip(proxies, back, strict=True):
        spec = from_config(run.architecture, name=run.name)
        assert spec == proxy.spec
        assert count_params(spec) == count_params(proxy.spec)
        assert abs(run.tokens - proxy.tokens) <= 0.5
    specs = [from_config(run.architecture, name=run.name) for run in back]
    if kind == "shared":
        assert {spec.moe.num_shared_experts for spec in specs if spec.moe} == {1}
        assert all(isinstance(spec.attention, Attention) and spec.attention.num_kv_heads <= 4 for spec in specs)
        assert {spec.attention.head_dim for spec in specs} == {64}
    if kind == "mla":
        assert all(isinstance(spec.attention, LatentAttention) for spec in specs)
    if kind == "dense":
        assert all(isinstance(group.ffn, DenseFFN) for spec in specs for group in spec.layers)


def test_the_winner_read_back_from_a_file_is_the_model_that_was_planned(planned, tmp_path):
    _, result = planned
    run = winner_run(result)
    save_runs(tmp_path / "recipe.toml", [run])
    assert load_runs(tmp_path / "recipe.toml") == (run,)
    assert from_config(run.architecture, name=result.choice.spec.name) == result.choice.spec
    assert run.tokens == round(result.choice.tokens)
    assert run.layout is None


def test_every_proxy_has_a_name_and_an_id_of_its_own(planned):
    runs = proxy_runs(planned[1])
    assert len({run.name for run in runs}) == len({run.run_id for run in runs}) == len(runs) > 3


def test_a_run_says_where_rate_and_batch_come_from(planned):
    _, result = planned
    law = find_law("tian2025-hparams")
    for run in (winner_run(result), *proxy_runs(result)):
        spec = from_config(run.architecture, name=run.name)
        inputs = law.arch_inputs(spec, run.tokens)
        assert run.schedule.peak_rate == law.peak_rate(**inputs) == published_peak_rate(spec, run.tokens)
        assert run.batch_tokens == pytest.approx(law.batch_tokens(**inputs), abs=run.seq_len / 2)
        assert law.row.source in run.notes
        low, high = law.row.range["C"]
        assert ("Careful: C " in run.notes) == (not low <= inputs["C"] <= high)
        assert run.schedule.warmup_tokens == round(0.01 * run.tokens)
        assert result.problem.law.row.name in run.source


def test_a_batch_is_one_sequence_or_more():
    spec = plan(problem(space=SPACES["dense"])).choice.spec
    assert published_batch_tokens(spec, 1, seq_len=2048) == 2048


def test_with_a_cluster_the_winner_has_the_batch_precision_and_layout_of_the_plan():
    asked = problem()
    run = TrainRun(cluster=Cluster(accelerator=H100, num_gpus=16), batch_tokens=1_048_576, seq_len=2048)
    result = plan(replace(asked, training=replace(asked.training, run=run)))
    winner = winner_run(result)
    assert (winner.batch_tokens, winner.seq_len, winner.precision) == (1_048_576, 2048, "bf16")
    assert asdict(winner.layout) == asdict(result.choice.training.layout)
    assert {proxy.seq_len for proxy in proxy_runs(result)} == {2048}


def test_a_share_too_small_for_any_proxy_is_said(planned):
    with pytest.raises(InfeasibleError, match="share"):
        proxy_runs(planned[1], share=1e-9)


def test_a_rate_by_a_rule_of_moes_says_so_of_a_dense_winner():
    dense = plan(problem(goal=LowestLoss(), space=SPACES["dense"]))
    assert "no experts (a law of MoEs)" in winner_run(dense).notes
