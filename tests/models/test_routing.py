"""The report of a routing decision."""

from dataclasses import replace

import pytest
import torch

from optimoe.models.routers import TopK
from optimoe.models.routing import coactivation, load_of, report
from tests.models.build import ROUTERS, ids_of, make_layer
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
    assert seen.dead == seen.load_E.tolist().count(0)
    assert seen.unrouted == sum(set(row) == {-1} for row in routing.dispatched_TK.tolist())


@pytest.mark.parametrize("name", ROUTERS)
def test_padding_is_in_no_count_of_any_router(name):
    """A decision whose later tokens are padding reports what the earlier ones alone do, whatever padding holds."""
    _, whole = make_layer(ROUTERS[name])(inputs(3, 8)[0], ids_of(3, 8))
    valid_T = torch.arange(24) < 16
    score_TE = whole.score_TE.masked_fill(~valid_T[:, None], torch.nan)
    padded = replace(whole, score_TE=score_TE, valid_T=valid_T)
    tensors = {field: value[:16] for field, value in vars(whole).items() if isinstance(value, torch.Tensor)}
    alone = replace(whole, **tensors)
    for one, other in zip(vars(report(padded)).values(), vars(report(alone)).values(), strict=True):
        close(torch.as_tensor(one), torch.as_tensor(other))  # zeros among the terms end a sum in other digits
    assert (
        torch.equal(coactivation(padded), coactivation(alone)) and load_of(padded).sum() <= 16 * whole.num_experts
    )


def test_a_decision_is_found_by_wrappers_of_modules():
    _, routing = make_layer(TopK())(inputs(3, 8)[0])
    for each, number in ((routing, 5), (replace(routing, valid_T=torch.ones(24, dtype=torch.bool)), 6)):
        flat, rest = torch.utils._pytree.tree_flatten(each)
        assert len(flat) == number and all(isinstance(leaf, torch.Tensor) for leaf in flat)
        again = torch.utils._pytree.tree_unflatten(flat, rest)
        assert again.losses == routing.losses and (again.valid_T is None) == (each.valid_T is None)
