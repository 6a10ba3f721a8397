"""The memory of priced grids: what hits, what misses, and that no answer is another grid's."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
import pytest

from optimoe.core.grid import row_keys, take
from optimoe.cost.engines.engine import Engine
from optimoe.cost.hardware.accelerator import Cluster
from optimoe.cost.hardware.price import given_price
from optimoe.cost.layers.execution import Execution
from optimoe.cost.serving.workload import Limits, Workload
from optimoe.cost.training.estimate import TrainRun
from optimoe.laws.catalog import find_loss_law
from optimoe.planner.plan import plan
from optimoe.planner.pricing import PricedGrids
from optimoe.planner.problem.goal import LowestLoss
from optimoe.planner.problem.space import Space
from optimoe.planner.problem.traffic import Traffic
from optimoe.planner.problem.training import PredictedMfu
from tests.planner.asked import H100, every_pool, plain, problem

SPACE = plain(num_experts=(8,), max_width=1024)
ASKED = problem(space=SPACE)
RUN = TrainRun(cluster=Cluster(accelerator=H100, num_gpus=64))
PREDICTED = replace(ASKED, training=replace(ASKED.training, run=RUN, utilisation=PredictedMfu()))


DEPLOYMENT = ASKED.deployments[0]


@pytest.fixture(scope="module")
def memory():
    """A memory in which the designs of the space are trained and served as the problems above ask."""
    memory = PricedGrids()
    every_pool(PREDICTED, memory)
    assert len(memory) == 2 * SPACE.size  # every design trained and served
    return memory


def new_designs(memory, moved):
    """Answers that a memory did not have before it priced a problem."""
    before = len(memory)
    every_pool(moved, memory)
    return len(memory) - before


@pytest.mark.parametrize(
    "moved",
    [
        replace(PREDICTED, law=find_loss_law("zhao2025")),
        replace(PREDICTED, traffic=Traffic(lifetime_tokens=1.0)),
        replace(PREDICTED, goal=LowestLoss()),
        replace(PREDICTED, training=replace(PREDICTED.training, budget_flops=1e20)),
        replace(PREDICTED, training=replace(PREDICTED.training, price=given_price(9.0))),
        replace(PREDICTED, training=replace(PREDICTED.training, utilisation=PredictedMfu(scale=0.9))),
        replace(PREDICTED, deployments=(replace(DEPLOYMENT, price=given_price(9.0)),)),
    ],
    ids=["law", "demand", "goal", "budget", "training price", "utilisation", "serving price"],
)
def test_another_law_budget_demand_or_price_prices_no_grid_anew(memory, moved):
    assert new_designs(memory, moved) == 0


@dataclass(frozen=True, kw_only=True)
class TiedSpace(Space):
    """A space with a field that nothing but its designs knows of."""

    tied: bool = False

    def designs(self, members):
        return replace(super().designs(members), tied_embeddings=self.tied)


@pytest.mark.parametrize(
    "moved",
    [
        replace(SPACE, vocab_size=128_256),
        replace(SPACE, head_dim=64, num_kv_heads=(16,)),
        replace(SPACE, num_kv_heads=(4,), head_dim=256),
        replace(SPACE, max_aspect=96.0),
        replace(SPACE, max_width=2048),
        replace(SPACE, ffn_ratio=(2.0,)),
        replace(SPACE, attention=("mla",)),
        TiedSpace(**vars(SPACE), tied=True),
    ],
    ids=["vocabulary", "heads", "kv heads", "aspect", "width", "ffn", "attention", "a field of a subclass"],
)
def test_a_space_of_other_designs_is_priced_anew(memory, moved):
    """Whatever makes the designs differ: the key is made of the designs, not of a list of the space's fields."""
    asked = replace(ASKED, space=moved)
    (skeleton, known), (other, keys) = (row_keys(one.designs(one.members(one.every()))) for one in (SPACE, moved))
    known = known if skeleton == other else []
    assert new_designs(memory, asked) == moved.size - sum(key in known for key in keys)
    after, alone = every_pool(asked, memory), every_pool(asked, PricedGrids())
    for family, pool in after.items():
        assert np.array_equal(pool.usd_per_mtok, alone[family].usd_per_mtok), family


def test_dense_and_routed_designs_are_grids_of_their_own_and_both_are_found_again():
    both, kept = replace(PREDICTED, space=replace(SPACE, num_experts=(1, 8))), PricedGrids()
    assert new_designs(kept, both) == 2 * both.space.size  # dense and routed, each served and trained
    assert new_designs(kept, both) == 0
    larger = replace(RUN, batch_tokens=2_097_152)
    assert (
        new_designs(kept, replace(both, training=replace(both.training, run=larger))) == both.space.size
    )  # served as before


def test_a_space_that_names_the_same_designs_otherwise_is_found(memory):
    assert new_designs(memory, replace(ASKED, space=TiedSpace(**vars(SPACE)))) == 0


@pytest.mark.parametrize(
    "moved",
    [
        replace(DEPLOYMENT, limits=Limits(tpot_s=0.01)),
        replace(DEPLOYMENT, workload=Workload(input_tokens=4096)),
        replace(DEPLOYMENT, engine=Engine(execution=Execution(precision="fp8"))),
        replace(DEPLOYMENT, cluster=Cluster(accelerator=H100, num_gpus=4)),
        replace(DEPLOYMENT, cluster=Cluster(accelerator=replace(H100, memory_bytes=5e10), num_gpus=8)),
    ],
    ids=["limits", "workload", "engine", "GPUs", "memory"],
)
def test_another_way_to_serve_is_priced_anew(memory, moved):
    assert new_designs(memory, replace(ASKED, deployments=(moved,))) == SPACE.size


@pytest.mark.parametrize(
    "moved",
    [replace(RUN, batch_tokens=2_097_152), replace(RUN, cluster=Cluster(accelerator=H100, num_gpus=32))],
    ids=["batch", "GPUs"],
)
def test_another_training_run_is_priced_anew(memory, moved):
    assert new_designs(memory, replace(PREDICTED, training=replace(PREDICTED.training, run=moved))) == SPACE.size


def test_the_kinds_of_designs_that_were_not_asked_for_longest_leave_first():
    kept = PricedGrids(most_kept=2 * SPACE.size)
    routed, latent, dense = (
        replace(ASKED, space=replace(SPACE, **moved))
        for moved in ({}, {"attention": ("mla",)}, {"num_experts": (1,)})
    )
    for asked in (routed, latent, routed, dense):  # routed is used again, so latent leaves
        every_pool(asked, kept)
    assert len(kept) == 2 * SPACE.size
    assert new_designs(kept, routed) == 0
    before = [*kept._sheets]
    every_pool(latent, kept)
    assert before != [*kept._sheets]


def test_a_memory_shared_by_threads_gives_what_each_would_compute_alone():
    problems = [replace(ASKED, space=replace(SPACE, num_experts=(experts,))) for experts in (1, 4, 8)]
    alone = [plan(one, PricedGrids()).choice for one in problems]
    shared = PricedGrids(most_kept=2)  # so that designs leave while others are looked for
    with ThreadPoolExecutor(6) as threads:
        together = list(threads.map(lambda one: plan(one, shared).choice, 3 * problems))
    assert together == 3 * alone
    assert len(shared._sheets) == 1


def test_designs_priced_in_pieces_are_those_priced_at_once():
    """Whatever was asked for first: a search prices designs in the order of their promise."""
    grid = SPACE.designs(SPACE.members(SPACE.every()))
    whole, kept = PricedGrids(), PricedGrids()
    order = np.random.default_rng(0).permutation(SPACE.size)
    for piece in np.array_split(order, 3):
        kept.served(DEPLOYMENT, take(grid, piece))
        kept.trained(PREDICTED, take(grid, piece))
    served, pieced = whole.served(DEPLOYMENT, grid), kept.served(DEPLOYMENT, grid)
    assert len(kept) == 2 * SPACE.size
    for name in ("tokens_per_s", "tpot_s", "usd_per_mtok", "concurrency"):
        assert np.array_equal(getattr(served, name), getattr(pieced, name)), name
    assert np.array_equal(served.layout.tp, pieced.layout.tp)
    trained, again = whole.trained(PREDICTED, grid), kept.trained(PREDICTED, grid)
    assert np.array_equal(trained.mfu, again.mfu)
    assert [trained.layout(row) for row in range(3)] == [again.layout(row) for row in range(3)]


def test_two_memories_know_nothing_of_each_other():
    mine, other = PricedGrids(), PricedGrids()
    every_pool(ASKED, mine)
    assert len(mine) == SPACE.size
    assert len(other) == 0
