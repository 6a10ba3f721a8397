from dataclasses import replace

import numpy as np
import pytest

from optimoe.core.errors import ConfigError
from optimoe.laws.catalog import find_law, law_names, save_law
from optimoe.laws.effects import CorpusEffects
from optimoe.laws.fitting.anchoring import anchor
from optimoe.laws.loss_law import LossLaw
from tests.laws.fitting.anchoring.laws import exact_runs, shared_law


def test_one_exact_run_gives_its_scale_and_leaves_the_floor():
    law, _ = shared_law()
    anchored = anchor(law, exact_runs(law, [1e9], scale=1.043))
    scale = next(effect for effect in anchored.effects if effect.name == "scale")
    floor = next(effect for effect in anchored.effects if effect.name == "E")
    assert scale.value == pytest.approx(1.043, abs=0.002)
    assert scale.identified
    assert floor.value == 0
    assert not floor.free
    assert anchored.law.coefficients["alpha"] == law.row.coefficients["alpha"]
    assert anchored.law.coefficients["B"] == pytest.approx(scale.value * law.row.coefficients["B"])
    assert "not identified by runs of one size" in anchored.statement


def test_one_run_far_from_what_corpora_differ_by_is_still_met():
    law, _ = shared_law()
    for scale in (0.3, 3.0):
        runs = exact_runs(law, [1e9], scale=scale)
        row = anchor(law, runs, draws=2).law
        assert type(law)(row).loss(**runs.variables) == pytest.approx(runs.loss, rel=0.01)


def test_an_anchored_law_covers_the_runs_and_names_the_law_that_they_moved():
    law, _ = shared_law()
    row = anchor(law, exact_runs(law, [1e5]), draws=2).law
    assert row.range["N"] == (1e5, law.row.range["N"][1]) and row.range["D"][0] == 2e6
    assert (row.evidence.prior, row.evidence.runs) == ("ours", 1)


def test_runs_of_many_sizes_give_scale_and_floor():
    law, _ = shared_law()
    anchored = anchor(law, exact_runs(law, np.geomspace(3e7, 3e10, 16), scale=1.1, offset=-0.2))
    found = {effect.name: effect for effect in anchored.effects}
    assert found["E"].identified
    assert found["E"].value == pytest.approx(-0.2, abs=0.04)
    assert found["scale"].value == pytest.approx(1.1, abs=0.01)
    assert anchored.more_runs == 0


def test_the_number_of_runs_that_would_identify_the_floor_does():
    law, _ = shared_law()
    sizes = np.array([1e9])
    anchored = anchor(law, exact_runs(law, sizes))
    assert anchored.more_runs > 0
    more = 1e9 * 10 ** (np.arange(1, anchored.more_runs + 1) / anchored.more_runs)
    later = anchor(law, exact_runs(law, np.concatenate([sizes, more])))
    assert next(effect for effect in later.effects if effect.name == "E").identified


def test_the_band_after_anchoring_is_narrow_at_the_runs_and_wide_far_from_them():
    law, _ = shared_law()
    row = anchor(law, exact_runs(law, [1e8], scale=1.1)).law
    columns = {name: np.array(values)[:, None] for name, values in row.draws.items()}
    far = type(law)(row.with_coefficients(row.coefficients | columns)).loss(N=np.array([1e8, 1e12]), D=2e13)
    near = type(law)(row.with_coefficients(row.coefficients | columns)).loss(N=np.array([1e8]), D=2e9)
    assert near.std() / near.mean() < 0.02
    assert far[:, 1].std() / far[:, 1].mean() > 0.03


def test_larger_runs_of_a_corpus_lie_in_the_band_of_its_smaller_ones():
    law, new = shared_law()
    order = np.argsort(new.size)
    small = new.select(np.isin(np.arange(len(new)), order[:6]))
    large = new.select(np.isin(np.arange(len(new)), order[6:]))
    row = anchor(law, small).law
    columns = {name: np.array(values)[:, None] for name, values in row.draws.items()}
    losses = type(law)(row.with_coefficients(row.coefficients | columns)).loss(**large.variables)
    noise = 0.006 * np.random.default_rng(0).standard_t(4, losses.shape)
    low, high = np.quantile(losses * np.exp(noise), (0.05, 0.95), axis=0)
    assert np.mean((large.loss >= low) & (large.loss <= high)) >= 0.85


def test_a_published_law_without_draws_moves_by_its_scale_alone_and_says_that_it_is_assumed():
    law = find_law("besiroglu2024")
    anchored = anchor(law, exact_runs(law, np.geomspace(1e8, 1e10, 5), scale=0.95))
    assert [effect.name for effect in anchored.effects] == ["scale"]
    assert anchored.effects[0].value == pytest.approx(0.95, abs=0.003)
    assert "assumed" in anchored.basis


def test_an_anchored_law_is_a_law_file_like_any_other(tmp_path):
    law, new = shared_law()
    anchored = anchor(law, new, name="mine")
    save_law(anchored.law, tmp_path / "mine.toml")
    read = find_law(str(tmp_path / "mine.toml"))
    assert read.row.status == "fitted"
    assert read.row.evidence.runs == len(new)
    assert read.row.notes.startswith("Anchored on 24 runs")
    assert len(read.row.draws["B"]) > 50
    assert read.row.effects is None


def test_an_effect_without_a_scale_beside_it_takes_the_level():
    law = find_law("besiroglu2024")
    effects = CorpusEffects(names=("E",), covariance=((0.04,),), residual_scale=0.01)
    moved = type(law)(replace(law.row, effects=effects))
    anchored = anchor(moved, exact_runs(law, [1e9], offset=0.1))
    assert anchored.effects[0].value == pytest.approx(0.1, abs=0.01)


def test_a_rule_that_gives_no_loss_cannot_be_anchored():
    rule = next(found for found in map(find_law, law_names()) if not isinstance(found, LossLaw))
    with pytest.raises(ConfigError, match="loss of designs"):
        anchor(rule, exact_runs(find_law("besiroglu2024"), [1e9]))
