"""The running report over layers and steps."""

from dataclasses import replace

import pytest
import torch

from optimoe.core.errors import ConfigError
from optimoe.models.config import ModelConfig
from optimoe.models.decoder import build
from optimoe.models.losses import RunningReport
from optimoe.models.routers import TopK
from optimoe.models.routing import report
from tests.models.build import ids_of, make_arch
from tests.models.world import on_ranks


def make_outputs():
    torch.manual_seed(0)
    router = TopK(capacity_factor=0.75, drop="position")
    model = build(make_arch(num_layers=3), ModelConfig(router=router, init_std=0.3))
    return [model(ids_of(4, 8, seed)) for seed in range(3)]


def test_a_summary_is_of_all_that_was_added():
    outputs = make_outputs()
    running = RunningReport()
    for output in outputs:
        running.add(output)
    seen = running.summary()
    parts = {layer: [report(output.routings[layer]) for output in outputs] for layer in range(3)}
    loads = {layer: sum(part.load_E for part in each) for layer, each in parts.items()}
    imbalance = {layer: float(load.max() / load.double().mean()) for layer, load in loads.items()}
    assert seen.worst_layer == max(imbalance, key=imbalance.get)
    assert seen.worst_load_imbalance == pytest.approx(max(imbalance.values()))
    assert seen.load_imbalance == pytest.approx(sum(imbalance.values()) / 3)
    every = [part for each in parts.values() for part in each]
    assert seen.dropped_share == pytest.approx(sum(int(p.dropped) for p in every) / (3 * 3 * 32 * 2))
    assert seen.dropped_share > 0
    assert seen.unrouted_share == pytest.approx(sum(int(p.unrouted) for p in every) / (3 * 3 * 32))
    assert seen.entropy == pytest.approx(sum(float(p.entropy) for p in every) / 9, rel=1e-6)
    assert seen.dead_share == sum(int((load == 0).sum()) for load in loads.values()) / 12


def test_batches_weigh_by_their_real_tokens():
    """A second batch that is all padding but for one row changes the mean entropy by that row's weight."""
    one, other, _ = make_outputs()
    valid_T = torch.arange(32) < 8
    masked = {layer: replace(routing, valid_T=valid_T) for layer, routing in other.routings.items()}
    running = RunningReport()
    running.add(one)
    running.add(replace(other, routings=masked))
    entropy = [report(one.routings[layer]).entropy * 32 + report(masked[layer]).entropy * 8 for layer in range(3)]
    assert running.summary().entropy == pytest.approx(float(sum(entropy)) / 3 / 40, rel=1e-6)


def test_ranks_are_counted_together(tmp_path):
    outputs = make_outputs()[:2]

    def work(rank, group):
        running = RunningReport(group)
        running.add(outputs[rank])
        return running.summary()

    alone = RunningReport()
    for output in outputs:
        alone.add(output)
    outputs = [replace(o, logits_BSV=o.logits_BSV.detach()) for o in outputs]
    assert on_ranks(work, tmp_path) == [alone.summary()] * 2


def test_nothing_is_summed_up_after_a_reset():
    running = RunningReport()
    running.add(make_outputs()[0])
    running.reset()
    with pytest.raises(ConfigError, match="decisions: must be added"):
        running.summary()
