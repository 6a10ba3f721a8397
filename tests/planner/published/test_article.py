"""The article's claims and figures on designs and their cost."""

import numpy as np
import pytest
import torch

from optimoe.cost.layers.overflow import dropped_share
from optimoe.laws.catalog import find_law
from optimoe.models.peer.layer import PEERLayer
from optimoe.planner.published.article import (
    ARTICLE_FIGURES,
    CHECKED_KEYS,
    GROUP_TOKENS,
    RETRIEVED,
    planned_losses,
    reproduce_article,
)
from optimoe.planner.published.ledger import figure_title, make_figure, reproduce_text, text_figures


def test_the_article_s_claims_on_designs_are_reproduced():
    rows = [row for row in reproduce_article() if not row.law]
    assert len(rows) == 7
    assert all(row.verdict == "reproduced" and row.text == "article2024" for row in rows)
    total, active, *_ = rows
    assert total.ours[0] == pytest.approx(46.70e9, rel=1e-3)
    assert active.ours[0] == pytest.approx(12.88e9, rel=1e-3)


def test_the_planner_and_the_law_agree_on_the_best_granularity_where_routing_is_paid_for():
    rows = [row for row in reproduce_article() if row.law]
    assert [row.verdict for row in rows] == ["explained", "reproduced", "reproduced", "reproduced"]
    assert rows[0].ours == (16, 16)
    assert "a near-tie" in rows[0].causes[0].words
    law = find_law("krajewski2024-e64")
    for flops in (1e20, 1e22):
        paid, product_alone = planned_losses(flops), planned_losses(flops, 6.0)
        assert min(paid, key=paid.get) == law.evaluate("G_opt", {"F": flops})
        assert min(product_alone, key=product_alone.get) == 2 * law.evaluate("G_opt", {"F": flops})


def test_a_claim_that_fails_is_not_called_reproduced(monkeypatch):
    monkeypatch.setattr("optimoe.planner.published.article._exact_share", lambda: 0.999)
    assert reproduce_article()[-1].verdict == "not_reproduced"


def test_the_layer_in_pytorch_retrieves_the_best_of_all_pairs_too():
    layer = PEERLayer(8, num_keys=CHECKED_KEYS, num_heads=2, top_k=RETRIEVED, d_key=4).double()
    x_TD = torch.randn(50, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    score_THK, _ = layer.retrieve_by_product_keys(x_TD)
    half_HXTn = layer.norm(layer.query(x_TD)).view(-1, 2, 2, 2).permute(1, 2, 0, 3) @ layer.keys.mT
    every_HTN = (half_HXTn[:, 0, :, :, None] + half_HXTn[:, 1, :, None, :]).flatten(2)
    best_HTK = every_HTN.topk(RETRIEVED, dim=-1).values
    torch.testing.assert_close(score_THK.transpose(0, 1), best_HTK)


def test_all_its_figures_have_the_title_of_their_makers():
    makers = text_figures("article2024")
    assert list(makers) == [
        "granularity", "granularity-gain", "effective-size", "effective-size-laws", "cut-off", "overflow", "peer"
    ]  # fmt: skip
    for key in ARTICLE_FIGURES:
        assert make_figure("article2024", key).title == figure_title(makers[key])
        assert make_figure("article2024", key).key == key


def test_overflow_is_that_of_independent_tokens_and_grows_with_skew():
    figure = make_figure("article2024", "overflow")
    shares = {one.name: np.array(one.y) for one in figure.series}
    for experts, k in ((8, 2), (64, 8)):
        by_skew = np.array([shares[f"{experts}:{k} s {skew}"] for skew in ("0", "0.3", "0.6", "1")])
        assert (np.diff(by_skew, axis=0) >= 0).all()
        assert (np.diff(by_skew, axis=1) <= 0).all()
        assert by_skew[0, 0] == dropped_share(GROUP_TOKENS, experts, k, 1.0)
        assert by_skew[0, 2] == 0 < by_skew[1, 2]


def test_a_million_experts_cost_the_flops_of_a_dense_layer_and_150_times_its_size():
    figure = make_figure("article2024", "peer")
    columns = {one.name: np.array(one.y) for one in figure.series}
    assert figure.series[0].x[-1] == 1024**2
    assert columns["FLOPs a token"] == pytest.approx(np.ones(5), abs=0.02)
    assert columns["active parameters"] == pytest.approx(np.ones(5), abs=0.02)
    assert columns["parameters"][-1] == pytest.approx(157, abs=1)
    assert (np.diff(columns["parameters"]) > 0).all()
    assert (columns["seconds, batch 1"] > 1).all()


def test_the_article_is_claims_of_laws_then_of_designs():
    rows = reproduce_text("article2024").rows
    assert [row.law != "" for row in rows] == sorted((row.law != "" for row in rows), reverse=True)
    assert len(rows) > 30
    assert {row.verdict for row in rows} <= {"reproduced", "explained", None}  # None: without the released runs
