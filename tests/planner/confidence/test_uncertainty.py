"""How sure the choice is under draws of the law."""

import math
from dataclasses import replace

import numpy as np
import pytest

from optimoe.core.errors import InputError
from optimoe.laws.evidence import Evidence
from optimoe.planner.confidence.uncertainty import uncertainty, uncertainty_of
from optimoe.report.words.plan.confidence import bought_words
from tests.planner.confidence.small import small


def test_shares_sum_to_one_and_draws_hold_the_loss_between_their_ends():
    result, asked = small()
    found = uncertainty_of(asked, asked.by_law())
    assert sum(one.probability for one in found.chances) == pytest.approx(1)
    assert found.loss_low < result.choice.loss.value < found.loss_high
    assert found.mean_regret == pytest.approx(asked.by_law().own_regret.mean())
    assert found.worst_regret >= found.mean_regret
    assert (found.unit, found.draws) == ("usd", 32)
    assert 0 < found.kept < 1


def test_a_law_far_beyond_its_range_is_sure_of_nothing_and_says_so():
    result, asked = small(draws=200)
    near, law = uncertainty_of(asked, asked.by_law()), result.problem.law
    ranges = law.row.range | {"D": (1e9, 1e9), "D_over_N": (3.0, 3.0)}
    narrow = type(law)(replace(law.row, range=ranges), law.find)
    beyond = narrow.decades_beyond(result.choice.spec, result.choice.tokens)
    moved = replace(result, choice=replace(result.choice, decades_beyond=beyond))
    far = replace(asked, result=moved, law=replace(asked.law, law=narrow))
    wide = uncertainty_of(far, far.by_law())
    assert set(wide.beyond) > set(near.beyond)
    assert wide.chances[0].probability < 1
    assert wide.chances[0].probability <= near.chances[0].probability
    assert wide.mean_regret > near.mean_regret
    assert wide.loss_high - wide.loss_low > near.loss_high - near.loss_low


def test_runs_of_ones_own_are_said_to_have_bought_the_level_of_ones_corpus():
    _, asked = small()
    assert uncertainty_of(asked, asked.by_law()).bought is None  # a law of the library
    law = asked.law.law
    evidence = Evidence(verdict="sound", runs=4, prior="optimoe2026")
    anchored = type(law)(replace(law.row, name="own", effects=None, evidence=evidence), law.find)
    own = replace(asked, law=replace(asked.law, law=anchored))
    found = uncertainty_of(own, own.by_law()).bought
    assert (found.num_runs, found.law) == (4, "optimoe2026")
    assert found.level_after == pytest.approx(np.log(own.by_law().own_loss).std())
    assert found.level_before > 1.3 * found.level_after  # corpora differ in scale and floor, and the runs tell it
    assert "with them, to" in bought_words(found) and "by optimoe2026 without" in bought_words(found)


def test_what_is_the_best_in_every_draw_beyond_a_domain_is_not_certain():
    result, asked = small()
    alone = asked.lineup.where(np.array([len(asked.lineup) - 1]))
    inside, assumed = replace(result.choice, assumed=False), replace(result.choice, assumed=True)
    for choice, most in ((inside, 1.0), (assumed, 32 / 33)):
        one = replace(asked, result=replace(result, choice=choice), lineup=alone)
        (chance,) = uncertainty_of(one, one.by_law()).chances
        assert chance.probability == pytest.approx(most)


def test_proxies_settle_the_level_of_the_loss():
    _, asked = small()
    sweep = uncertainty_of(asked, asked.by_law()).sweep
    spread = asked.law.law.row.effects.spread_of(asked.result.choice.loss.value)
    assert sweep.level_before == pytest.approx(spread, rel=0.4)
    assert sweep.level_after < 0.7 * sweep.level_before
    _, other = small("ludziejewski2025")
    assert math.isnan(uncertainty_of(other, other.by_law()).sweep.level_before)


def test_a_law_that_cannot_be_drawn_is_refused():
    result, _ = small("zhao2025")
    with pytest.raises(InputError, match="no draws"):
        uncertainty(result, draws=4)
    assert np.isfinite(uncertainty(small()[0], draws=8).mean_regret)
