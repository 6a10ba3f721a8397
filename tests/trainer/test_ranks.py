"""Several ranks train as one process does: weights shared in every way, experts dealt to them."""

import os
import signal
import subprocess
import sys
from dataclasses import replace

import pytest
import torch
from torch.distributed.tensor import DTensor

from optimoe.core.errors import ConfigError
from optimoe.core.run import Optimizer, RunLayout, load_run_records, save_runs
from optimoe.models.convert.lifelong import Growth, frozen_copy, grow
from optimoe.models.losses import Balancer, RunningReport
from optimoe.trainer.batches.loader import TokenBatch
from optimoe.trainer.batches.order import passes
from optimoe.trainer.checkpoints.state import Progress, load_state, save_state
from optimoe.trainer.parallel.ranks import joined
from optimoe.trainer.parallel.sharding import require_even_deal, spread_model
from optimoe.trainer.results.trained import load_run
from optimoe.trainer.setup import make_model
from optimoe.trainer.steps.optimizers import make_optimizers
from optimoe.trainer.steps.step import Stepper
from optimoe.trainer.train import train
from tests.models.world import on_ranks
from tests.trainer.world import HEADS, OWN, QUIET, corpus_at, make_run, under_torchrun, write_text

EXPERTS = {
    "num_experts": 4,
    "top_k": 2,
    "d_expert": 6,
    "num_shared_experts": 1,
    "d_shared": 10,
    "shared_gate": True,
}
LAYERS = {"num_layers": 2, "mixer": HEADS, "ffn": {"kind": "moe"} | EXPERTS}
ARCHITECTURE = {"model_type": "optimoe", "vocab_size": 31, "d_model": 12, "layers": [LAYERS]}
STEPS, ROWS, LENGTH = 3, 7, 9


def make_step(number):
    """Seven rows of packed documents; the last three, of a fourth rank alone, have three tokens."""
    torch.manual_seed(number)
    ids_BS = torch.randint(0, 31, (ROWS, LENGTH))
    document_BS = (torch.arange(LENGTH) > 4).long().expand(ROWS, -1).clone()
    document_BS[5:] = -1
    document_BS[6, :3] = 0
    return TokenBatch(ids_BS=ids_BS, target_BS=ids_BS.roll(-1, 1), document_BS=document_BS)


def part_of(batch, some):
    if some:
        return batch.rows(some.start, some.stop)
    row = batch.rows(0, 1)
    return replace(row, document_BS=torch.full_like(row.document_BS, -1))


class Trained:
    """A model in float64 over the ranks that there are, and what trains it; or in float32, with other products."""

    def __init__(self, recompute=False, router=None, products=None, growth=None, **layout):
        losses = {"balance": 0.1, "z": 0.01, "scope": "step"} if router is None else {}
        run = make_run(architecture=ARCHITECTURE, losses=losses, router=router or {})
        with joined("cpu") as self.ranks:
            pass
        self.model = make_model(run, torch.device("cpu"), 31).to(torch.float32 if products else torch.float64)
        products, previous = products or torch.float32, None
        if growth:
            previous, self.model = frozen_copy(self.model), grow(self.model, growth)
            spread_model(previous, self.ranks, RunLayout(**layout))
        reduce = spread_model(self.model, self.ranks, RunLayout(**layout), products)
        self.optimizers = make_optimizers(self.model, Optimizer(clip_norm=0.1))
        self.balancer = None if router else Balancer(self.model, 0.01, group=self.ranks.group)
        self.report = RunningReport(self.ranks.group)
        self.stepper = Stepper(
            model=self.model,
            optimizers=self.optimizers,
            balancer=self.balancer,
            report=self.report,
            losses=self.model.config.losses,
            clip_norm=0.1,
            autocast=products,
            recompute=recompute,
            group=self.ranks.group,
            reduce=reduce,
            previous=previous,
            distillation=0.5 if growth else 0.0,
        )

    def steps(self):
        """Values of some steps, and norms of their gradients."""
        found = []
        for number in range(STEPS):
            some = passes(0, ROWS, 2, self.ranks.rank, self.ranks.number)
            batches = [part_of(make_step(number), each) for each in some]
            result = self.stepper(batches, 0.01, "here")
            found += [result.language, result.total, *result.grad_norms.values()]
        return torch.tensor([*found, self.report.summary().load_imbalance], dtype=torch.float64)

    def state(self):
        """Weights, buffers and moments, whole, by name."""
        found = {**self.model.state_dict()}
        names = {parameter: name for name, parameter in self.model.named_parameters()}
        for optimizer in self.optimizers:
            for parameter, moments in optimizer.state.items():
                found |= {f"{names[parameter]} {name}": it for name, it in moments.items()}
        return {name: it.full_tensor() if isinstance(it, DTensor) else it for name, it in found.items()}

    def save(self, folder):
        with self.ranks.together():
            folder.mkdir(exist_ok=True)
        save_state(folder, self.model, self.optimizers, self.balancer, Progress(started_utc="now", step=3))

    def load(self, folder):
        return load_state(folder, self.model, self.optimizers, self.balancer)


LAYOUTS = {
    2: [{"zero": 0}, {"zero": 1}, {"zero": 2, "dp": 2, "ep": 2}, {"zero": 3, "dp": 2, "ep": 2, "recompute": True}],
    4: [{"zero": 0, "dp": 4, "ep": 2}, {"zero": 3}, {"zero": 1, "dp": 4, "ep": 2}, {"zero": 3, "dp": 4, "ep": 4}],
}


@pytest.mark.parametrize("number", LAYOUTS)
def test_ranks_learn_what_one_process_learns(number, tmp_path):
    alone = Trained()
    want, state = alone.steps(), alone.state()

    def work(rank, group):
        found = []
        for layout in LAYOUTS[number]:
            ranks = Trained(**layout)
            found.append((ranks.steps(), ranks.state()))
        return found

    for rank in on_ranks(work, tmp_path, number):
        for got, theirs in rank:
            torch.testing.assert_close(got, want, rtol=1e-10, atol=1e-10)
            for name, value in state.items():
                torch.testing.assert_close(theirs[name], value, rtol=1e-10, atol=1e-10)


DEALT = {1: {}, 2: {"zero": 1, "dp": 2, "ep": 2}, 4: {"zero": 3, "dp": 4, "ep": 2}}


GROWN = [
    ({"growth": Growth(num_new_experts=2, dense="frozen")}, {"zero": 1, "dp": 2, "ep": 2}),
    ({"growth": Growth(num_new_experts=4, gate="trained")}, {"zero": 3, "dp": 2, "ep": 2, "recompute": True}),
]


def test_ranks_that_share_grown_experts_learn_what_one_process_learns_and_leave_it_to_one(tmp_path):
    """Frozen experts and new ones are dealt each by themselves; outputs are distilled from before the growth."""

    def work(rank, group):
        found = []
        for number, (growth, layout) in enumerate(GROWN):
            ranks = Trained(**growth, **layout)
            found.append((ranks.steps(), ranks.state()))
            ranks.save(tmp_path / f"of{number}")
        return found

    ranks = on_ranks(work, tmp_path)
    for number, (growth, _) in enumerate(GROWN):
        alone, back = Trained(**growth), Trained(**growth)
        want, state = alone.steps(), alone.state()
        back.load(tmp_path / f"of{number}")
        for rank in ranks:
            got, theirs = rank[number]
            torch.testing.assert_close(got, want, rtol=1e-10, atol=1e-10)
            assert theirs.keys() == state.keys()
            for name, value in back.state().items():
                assert torch.equal(value, theirs[name]), name
                torch.testing.assert_close(value, state[name], rtol=1e-10, atol=1e-10)


def test_a_checkpoint_of_any_number_of_ranks_is_read_by_any_other_bit_for_bit(tmp_path):
    """Weights, biases and moments; 1 to 4 to 2 to 1 and 4, experts dealt where there are several."""
    alone = Trained()
    alone.steps()
    alone.save(tmp_path / "of1")
    want = alone.state()

    def passed_on(number, source, target):
        def work(rank, group):
            ranks = Trained(**DEALT[number])
            assert ranks.load(tmp_path / source).step == 3 and ranks.balancer.num_steps == STEPS
            ranks.save(tmp_path / target)
            return ranks.state()

        (tmp_path / f"{source} to {target}").mkdir()
        return on_ranks(work, tmp_path / f"{source} to {target}", number)

    read = [*passed_on(4, "of1", "of4"), *passed_on(2, "of4", "of2"), *passed_on(4, "of2", "again")]
    back = Trained()
    back.load(tmp_path / "of2")
    for state in (*read, back.state()):
        assert state.keys() == want.keys() and all(torch.equal(state[name], value) for name, value in want.items())


def test_running_means_are_those_of_all_ranks(tmp_path):
    def work(rank, group):
        ranks = Trained(router={"kind": "s_base"})
        ranks.steps()
        return [buffer for name, buffer in ranks.model.named_buffers() if name.endswith("potential_E")]

    first, second = on_ranks(work, tmp_path)
    assert first[0].any() and all(torch.equal(one, other) for one, other in zip(first, second, strict=True))


def test_torchrun_starts_the_command_line_which_trains_runs_one_after_another(tmp_path):
    write_text(tmp_path / "text")
    save_runs(tmp_path / "two.toml", [make_run(steps=2, name=name, seed=len(name)) for name in ("one", "three")])
    torchrun = ("torch.distributed.run", "--standalone", "--nproc-per-node", "2")
    words = ("train", "two.toml", "--data", "text", "--held-out", "0.1", "--eval-tokens", "500", "--device", "cpu")
    done = subprocess.run(
        [sys.executable, "-m", *torchrun, "-m", "optimoe", *words],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("cpu, 2 ranks of") == 2 and done.stderr.count("three 100%") == 1
    found = load_run_records(tmp_path / "runs/records.jsonl").records
    assert [(one.run.name, one.status) for one in found] == [("one", "finished"), ("three", "finished")]


SHARED = make_run(layout=RunLayout(dp=2, ep=2, zero=3, micro_batch=3))


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return corpus_at(tmp_path_factory.mktemp("corpus"))


def at_step(step, folder, number):
    """What sends rank 1 a signal at a step."""

    def watch(report):
        if report.step == step:
            os.kill(int((folder / "pid1").read_text()), number)

    return watch


def test_a_stop_of_one_rank_stops_all_and_one_process_goes_on(corpus, tmp_path):
    whole = train(SHARED, tmp_path / "whole", [corpus], QUIET)
    watch = at_step(5, tmp_path, signal.SIGTERM)
    ended = under_torchrun(lambda _: train(SHARED, tmp_path / "run", [corpus], QUIET, watch), tmp_path)
    assert ended == [(None, None, 128 + signal.SIGTERM)] * 2
    (record,) = load_run_records(tmp_path / "run/record.jsonl").records
    assert record.status == "stopped" and record.tokens_seen in (5 * 128, 6 * 128) and "2 ranks" in record.device
    rest = train(SHARED, tmp_path / "run", [corpus], QUIET)
    assert rest.loss == pytest.approx(whole.loss, abs=1e-4)
    assert [p.loss for p in rest.curve] == pytest.approx([p.loss for p in whole.curve], abs=1e-4)


def test_what_ranks_wrote_is_read_by_one_process(corpus, tmp_path):
    """In float32, and in bfloat16, in which held-out losses are measured too."""
    runs = {name: replace(SHARED, tokens=256, precision=name) for name in ("fp32", "bf16")}

    def each(folder):
        return {
            name: train(run, tmp_path / f"{folder}-{name}", [corpus], QUIET).loss for name, run in runs.items()
        }

    one, (two, *_) = each("one"), (found for found, *_ in under_torchrun(lambda _: each("two"), tmp_path))
    assert two == pytest.approx(one, abs=1e-5)
    one, two = (load_run(tmp_path / f"{name}-fp32").model.state_dict() for name in ("one", "two"))
    assert all(torch.allclose(one[name], two[name], atol=1e-5) for name in one)


def test_ranks_end_by_one_line_where_one_is_dead(corpus, tmp_path):
    watch = at_step(2, tmp_path, signal.SIGKILL)
    ended = under_torchrun(lambda _: train(SHARED, tmp_path / "run", [corpus], QUIET, watch), tmp_path)
    assert ended[0][1].startswith("rank 0: another rank is gone (") and "\n" not in ended[0][1]
    assert ended[1] == (None, None, -signal.SIGKILL)


OF_A_PLAN = make_run(steps=2, layout=RunLayout(tp=4, ep=8, pp=2, dp=32, micro_batch=4))
"""For 256 devices."""


def test_a_plans_layout_is_done_as_far_as_ranks_can_or_refused_once_with_the_way_out(corpus, tmp_path):
    options = [replace(QUIET, ep=ep) for ep in (0, 4, 2)]

    def work(rank):
        found = []
        for how in options:
            said = []
            try:
                record = train(OF_A_PLAN, tmp_path / f"two{how.ep}", [corpus], how, say=said.append)
                found.append((record.loss, said))
            except (ConfigError, SystemExit) as error:
                found.append(str(error))
        return found

    said = []
    alone = train(OF_A_PLAN, tmp_path / "one", [corpus], QUIET, say=said.append).loss
    stated = "layout tp 4, ep 8, pp 2, dp 32 is one of 256 devices; here"
    assert said == [f"{stated} one process holds all, and what is learned is the same"]
    (first, _, _), (second, _, _) = under_torchrun(work, tmp_path)
    assert first[:2] == [
        "layout.tp: must be 1 on 2 ranks, which cut no layer (--ep 1 trains without cutting), got 4",
        "ep: must be a divisor of the 2 ranks, got 4",
    ]
    assert second[:2] == ["2", "2"]
    loss, said = first[2]
    assert loss == pytest.approx(alone, abs=1e-5) and second[2] == (loss, [])
    assert said == [f"{stated} 2 ranks, experts dealt to 2, no layer cut, and what is learned is the same"]


def test_experts_that_cannot_be_dealt_evenly_are_refused_by_their_layer():
    model = make_model(make_run(architecture=ARCHITECTURE), torch.device("cpu"), 31)
    for one, words in (
        (model, "a divisor of the 4 experts of layer 0, got 3"),
        (grow(model, Growth(num_new_experts=3)), "a divisor of the 4 frozen and 3 new experts of layer 0, got 2"),
        (make_model(make_run(architecture=OWN), torch.device("cpu"), 31), "1 with PEER, as in layer 2, got 2"),
    ):
        with pytest.raises(ConfigError, match=f"layout.ep: must be {words}"):
            require_even_deal(one, 3 if one is model else 2)
