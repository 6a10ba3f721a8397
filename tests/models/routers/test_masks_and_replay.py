"""Padding takes no part in a decision, and recorded ones are repeated."""

import pytest
import torch

from optimoe.core.errors import InputError
from optimoe.models.peer.layer import PEERLayer
from optimoe.models.routers import find_router, router_kinds
from optimoe.models.routing import EMPTY, PolicyRouting
from tests.models.build import ROUTERS, make_layer
from tests.models.comparison import D, close, inputs

ALL = ROUTERS | {kind: find_router(kind)() for kind in router_kinds()}
FIELDS = ("expert_TK", "weight_TK", "score_TE", "logits_TE", "kept_TK")
DRAWS = ("noise", "policy gradient", "policy_gradient")  # of another number of tokens are others


def padded(num_real=5):
    """Three sequences of 8 with the last positions padded, one with poison; and the same without them."""
    x_BSD, ids_BS = inputs(3, 8)
    valid_BS = (torch.arange(8) < num_real).expand(3, 8)
    poisoned_BSD = x_BSD.masked_fill(~valid_BS[..., None], torch.nan)
    return poisoned_BSD, ids_BS.masked_fill(~valid_BS, -1), valid_BS, x_BSD[:, :num_real], ids_BS[:, :num_real]


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("name", ALL)
def test_a_padded_batch_is_decided_as_the_one_without_padding(name, training):
    layer = make_layer(ALL[name]).train(training)
    x_BSD, ids_BS, valid_BS, real_BSD, real_ids_BS = padded()
    real_T = valid_BS.flatten()
    y_BSD, got = layer(x_BSD, ids_BS, valid_BS)
    assert torch.equal(got.valid_T, real_T)
    assert (got.expert_TK[~real_T] == EMPTY).all() and not got.kept_TK[~real_T].any()
    assert (got.weight_TK[~real_T] == 0).all() and (y_BSD[~valid_BS] == 0).all()
    if training and name in DRAWS:
        return
    want_BSD, want = layer(real_BSD, real_ids_BS)
    close(y_BSD[valid_BS], want_BSD.flatten(0, 1))
    for field in FIELDS:
        one, other = getattr(got, field)[real_T], getattr(want, field)
        assert torch.equal(one, other) if one.dtype in (torch.bool, torch.int64) else close(one, other) is None, (
            field
        )


@pytest.mark.parametrize("name", ALL)
def test_no_gradient_comes_from_padding(name):
    layer = make_layer(ALL[name])
    x_BSD, ids_BS, valid_BS, *_ = padded()
    y_BSD, routing = layer(x_BSD, ids_BS, valid_BS)
    (y_BSD[valid_BS].sum() + routing.score_TE[routing.valid_T].square().sum()).backward()
    assert all(p.grad is None or torch.isfinite(p.grad).all() for p in layer.parameters())


@pytest.mark.parametrize("name", ALL)
def test_a_batch_of_padding_alone_is_decided(name):
    layer = make_layer(ALL[name])
    x_BSD, ids_BS = inputs(3, 8)
    y_BSD, routing = layer(x_BSD, ids_BS, torch.zeros(3, 8, dtype=torch.bool))
    assert not routing.kept_TK.any() and not y_BSD.any()


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("name", ALL)
def test_a_recorded_decision_is_repeated_with_the_gates_of_now(name, training):
    layer, other = make_layer(ALL[name]).train(training), make_layer(ALL[name], seed=1).train(training)
    x_BSD, ids_BS, valid_BS, *_ = padded()
    recorded = other(x_BSD, ids_BS, valid_BS)[1]
    torch.manual_seed(0)
    now = layer(x_BSD, ids_BS, valid_BS)[1]
    torch.manual_seed(0)
    y_BSD, got = layer(x_BSD, ids_BS, valid_BS, replay=recorded)
    assert type(got) is type(now)
    assert torch.equal(got.expert_TK, recorded.expert_TK) and torch.equal(got.kept_TK, recorded.kept_TK)
    close(got.score_TE if layer.router.config.learned else now.score_TE, now.score_TE)
    same_TK = (now.expert_TK == got.expert_TK).all(1) if now.expert_TK.shape == got.expert_TK.shape else None
    if same_TK is not None and torch.equal(now.kept_TK, got.kept_TK):
        close(got.weight_TK[same_TK], now.weight_TK[same_TK])
    torch.manual_seed(0)
    again_BSD, _ = layer(x_BSD, ids_BS, valid_BS, replay=got)
    assert torch.equal(y_BSD, again_BSD)
    if isinstance(got, PolicyRouting):
        assert got.log_prob_T.shape == got.valid_T.shape


def test_a_decision_of_other_tokens_or_experts_is_refused():
    layer, (x_BSD, ids_BS) = make_layer(ROUTERS["softmax"]), inputs(2, 4)
    for wrong in (inputs(2, 5)[0], None):
        record = layer(wrong)[1] if wrong is not None else make_layer(ROUTERS["softmax"], num_experts=5)(x_BSD)[1]
        with pytest.raises(InputError, match="replay: must be of 8 tokens and 4 experts, got"):
            layer(x_BSD, ids_BS, replay=record)


@pytest.mark.parametrize("query_norm", ["layernorm", "batchnorm", "none"])
def test_padding_retrieves_nothing_from_product_keys(query_norm):
    torch.manual_seed(0)
    layer = PEERLayer(D, num_keys=8, num_heads=2, top_k=3, d_key=4, query_norm=query_norm).double()
    x_TD, valid_T = torch.randn(12, D, dtype=torch.float64), torch.arange(12) % 3 > 0
    y_TD, stats = layer(x_TD, valid_T)
    want_TD, want = layer(x_TD[valid_T])
    assert not y_TD[~valid_T].any() and (stats.expert_THK[~valid_T] == EMPTY).all()
    close(y_TD[valid_T], want_TD)
    close(stats.load_N(), want.load_N())
    assert stats.used_fraction() == want.used_fraction()
    close(stats.unevenness(), want.unevenness())
