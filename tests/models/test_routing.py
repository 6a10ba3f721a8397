"""The report of a routing decision."""

import torch

from optimoe.models.routers import TopK
from optimoe.models.routing import coactivation, report
from tests.models.build import make_layer
from tests.models.comparison import close, inputs


def test_the_report_adds_up():
    _, routing = make_layer(TopK(capacity_factor=0.5))(inputs(3, 8)[0])
    seen, pairs_EE = report(routing), coactivation(routing)
    assert seen.load_E.sum() == 48 and seen.computed_E.sum() + seen.dropped == 48
    assert torch.equal(pairs_EE.diagonal(), seen.computed_E) and torch.equal(pairs_EE, pairs_EE.T)
    both = sum(set(row) >= {0, 1} for row in routing.dispatched_TK.tolist())
    assert pairs_EE[0, 1] == both
    probabilities = routing.score_TE
    close(seen.entropy, -(probabilities * probabilities.log()).sum(1).mean())
    assert seen.load_imbalance == seen.load_E.max() * 4 / 48
    assert seen.unrouted == sum(set(row) == {-1} for row in routing.dispatched_TK.tolist())
