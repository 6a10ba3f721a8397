"""The paper's setting and single changes from it."""

from dataclasses import fields

import pytest

from optimoe.core.errors import InputError
from optimoe.laws.catalog import find_loss_law
from optimoe.planner.published.yun.pools import yun_pools
from optimoe.planner.published.yun.setting import CHANGES, PAPER, ROUTED_ONLY, RULED_OUT, YunSetting, yun_law


@pytest.mark.parametrize("setting", CHANGES.values(), ids=list(CHANGES))
def test_a_change_is_one_thing(setting):
    differing = [one.name for one in fields(YunSetting) if getattr(setting, one.name) != getattr(PAPER, one.name)]
    assert len(differing) == 1


def test_the_law_of_moes_is_read_at_one_expert_here_alone():
    dense = yun_pools(1e21, yun_law(ROUTED_ONLY))[1]
    assert dense.ranked.all()
    with pytest.raises(InputError, match="no experts"):
        find_loss_law(ROUTED_ONLY).arch_curve(dense.grid)


def test_what_the_paper_rules_out_is_a_change_by_its_words():
    assert set(RULED_OUT) < set(CHANGES)
