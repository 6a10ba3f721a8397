import numpy as np
import pytest

from optimoe.arch.catalog import find_model
from optimoe.arch.params import count_params
from optimoe.core.errors import ConfigError
from optimoe.cost.serving.workload import Limits
from optimoe.cost.sizing.layouts import cheapest_serving
from optimoe.cost.sizing.size_from_speed.ladder import WIDTHS, ExpertCount, TypicalShape, ladders
from tests.cost.cases import asked

KINDS = [ExpertCount(), ExpertCount(num_experts=32, top_k=8), ExpertCount(num_experts=8, top_k=2)]


def grid(kind, shape=None):
    alike = np.ones(len(WIDTHS), dtype=int)
    return (shape or TypicalShape()).models(WIDTHS, kind.num_experts * alike, kind.top_k * alike)


@pytest.mark.parametrize("kind", KINDS)
def test_every_rung_is_larger_than_the_one_below_by_a_few_per_cent(kind):
    params = count_params(grid(kind))
    for sizes in (np.asarray(params.total, dtype=float), np.asarray(params.active, dtype=float)):
        steps = sizes[1:] / sizes[:-1]
        assert steps.min() > 1
        assert np.median(steps) == pytest.approx(1.07, abs=0.01)
        assert steps[sizes[1:] > 1e10].max() < 1.16
        assert sizes[0] < 0.6e9
        assert sizes[-1] > 2e12


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("llama-3.1-70b", ExpertCount()),
        ("mixtral-8x22b", ExpertCount(num_experts=8, top_k=2)),
        ("qwen3-30b-a3b", ExpertCount(num_experts=128, top_k=8)),
    ],
)
def test_models_of_the_catalog_have_nearly_the_active_share_of_the_ladder(name, kind):
    """Two counts: the ladder's model of a catalog model's total size has its active size within a third."""
    params, real = count_params(grid(kind)), count_params(find_model(name))
    nearest = int(np.argmin(np.abs(np.asarray(params.total) / real.total - 1)))
    assert params.active[nearest] == pytest.approx(real.active, rel=0.34)


def test_a_ladder_holds_what_each_of_its_models_would_get_alone():
    fast = asked(limits=Limits(tpot_s=0.02))
    found = ladders(TypicalShape(), KINDS, fast)
    assert [ladder.experts for ladder in found] == KINDS
    for ladder, rung in zip(found, (60, 70, 80), strict=True):
        alone = cheapest_serving(ladder.models.at(rung), fast)
        assert ladder.serving.usd_per_mtok[rung] == pytest.approx(alone.usd_per_mtok)
        assert ladder.params(rung)[0] == count_params(ladder.models.at(rung)).total
    dearest = float(found[0].serving.usd_per_mtok[60])
    assert found[0].last(dearest) >= 60
    assert found[0].last(dearest * 0.99) < found[0].last(np.inf)
    assert found[0].sizes(1e-9) == (0.0, 0.0)


def test_sizes_rise_with_the_price_and_fall_with_the_speed():
    slow, fast = (ladders(TypicalShape(), KINDS, asked(limits=Limits(tpot_s=1 / speed))) for speed in (20, 80))
    for leisurely, quick in zip(slow, fast, strict=True):
        sizes = [[ladder.sizes(usd)[0] for usd in (0.3, 1.0, np.inf)] for ladder in (leisurely, quick)]
        assert sizes[0][0] < sizes[0][1] < sizes[0][2]
        assert all(quicker < slower for slower, quicker in zip(*(ends[:2] for ends in sizes), strict=True))
        assert sizes[1][2] <= sizes[0][2]  # whatever the price, the memory ends both


def test_a_token_cannot_use_more_experts_than_there_are():
    with pytest.raises(ConfigError, match="top_k: must be at most num_experts = 4, got 8"):
        ExpertCount(num_experts=4, top_k=8)
    with pytest.raises(ConfigError, match="aspect: must be positive"):
        TypicalShape(aspect=0.0)
