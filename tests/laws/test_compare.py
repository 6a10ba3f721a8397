"""One design, one budget, every law."""

from dataclasses import replace

import numpy as np
import pytest

from optimoe.arch.design import with_num_experts
from optimoe.core.errors import ConfigError, InputError
from optimoe.laws.catalog import find_law, save_law
from optimoe.laws.compare import QUESTIONS, comparable_laws, compare, compare_decisions
from optimoe.laws.evidence import Evidence
from tests.laws.designs import DENSE, FINE, HALF, SWITCH

TOKENS = 2e10


def test_a_dense_design_differs_from_its_own_baseline_by_nothing():
    for opinion in compare(DENSE, TOKENS).opinions:
        assert opinion.difference == 0
        assert opinion.baseline == opinion.law


def test_dense_laws_are_silent_about_experts_and_say_so():
    result = compare(SWITCH, TOKENS)
    reasons = {silence.law: silence.reason for silence in result.silent}
    assert reasons["besiroglu2024"] == "routed experts (a dense law)"
    speaking = {opinion.law for opinion in result.opinions}
    assert {"ludziejewski2025", "abnar2025"} <= speaking
    assert not speaking & reasons.keys()
    halved = {opinion.law for opinion in compare(HALF, TOKENS).opinions}
    assert "clark2022-sbase-digits" in halved
    assert reasons["clark2022-sbase-digits"] == "routed experts in 1 of the layers (fitted in 0.5)"


def test_experts_help_under_every_law_that_has_a_dense_baseline_inside_its_range():
    for opinion in compare(SWITCH, TOKENS).opinions:
        if opinion.inside and opinion.baseline:
            assert opinion.difference < 0


def test_a_law_whose_paper_has_no_dense_law_has_no_difference():
    (opinion,) = compare(SWITCH, TOKENS, ["zhao2025"]).opinions
    assert np.isfinite(opinion.loss)
    assert opinion.baseline == ""
    assert np.isnan(opinion.difference)
    assert opinion.unstated == ("the range of N, N_a, G, S, D", "granularity", "tokens per parameter")
    assert not opinion.inside


def test_fine_grained_experts_are_measured_against_the_dense_law_of_the_same_paper():
    (opinion,) = compare(FINE, TOKENS, ["krajewski2024-e64-digits"]).opinions
    assert opinion.baseline == "krajewski2024-dense"
    assert opinion.difference < 0
    assert opinion.concerns == ()


def test_a_grid_of_experts_gives_an_array_for_every_law():
    experts = np.array([1, 2, 8, 64])
    result = compare(with_num_experts(SWITCH, experts), TOKENS)
    for opinion in result.opinions:
        for values in (opinion.loss, opinion.dense_loss, opinion.difference, opinion.inside):
            assert np.shape(values) == (4,)
    joint = next(opinion for opinion in result.opinions if opinion.law == "ludziejewski2025")
    assert joint.difference[0] == pytest.approx(0, abs=1e-3)
    assert (np.diff(joint.difference) < 0).all()
    assert joint.unstated == ("tokens per parameter",)
    assert not joint.inside.any()
    dense = next(opinion for opinion in result.opinions if opinion.law == "besiroglu2024")
    assert list(dense.inside) == [True, False, False, False]
    assert list(np.isnan(dense.loss)) == [False, True, True, True]
    assert joint.decades_beyond["E"][3] == pytest.approx(np.log10(2))


def test_laws_that_take_no_design_say_why_without_their_own_name():
    reasons = {silence.law: silence.reason for silence in compare(FINE, TOKENS).silent}
    assert reasons["marin2026-v16"] == "a frontier of budgets, not of designs: set C (laws predict)"
    assert reasons["marin2026-lr-v16"] == reasons["marin2026-lr-may"]


def test_laws_without_a_loss_say_what_is_beyond_their_range_or_has_none():
    advice = {row.law: row for row in compare(FINE, TOKENS * 1e6).advice}
    assert advice["tian2025-hparams"].decades_beyond["C"] > 1
    assert advice["tian2025-hparams"].unstated == ()
    assert advice["ludziejewski2025-lr"].unstated == ("N_act_nonembedding",)  # E is bounded by the runs' designs


def test_laws_without_a_loss_give_advice():
    advice = {row.law: row.outputs for row in compare(FINE, TOKENS).advice}
    assert advice["tian2025-el"]["EL"] > 1
    assert advice["li2026-rstar"]["r_star"] > 0
    assert 0 < advice["tian2025-hparams"]["lr"] < 0.1


@pytest.mark.parametrize("train_flops", [1e19, 1e22, 1e25])
def test_every_question_of_a_budget_is_answered_in_words(train_flops):
    verdicts = {verdict.question: verdict for verdict in compare_decisions(train_flops)}
    assert verdicts.keys() == QUESTIONS.keys()
    for question, verdict in verdicts.items():
        assert QUESTIONS[question] in verdict.words
        bounds = [answer.bound for answer in verdict.answers if answer.bound]
        assert not (verdict.agree and bounds)
        assert ("disagree" in verdict.words) == (not verdict.agree and len(bounds) < len(verdict.answers))
        values = [answer.value for answer in verdict.answers]
        assert values == sorted(values)
        assert all(answer.law in verdict.words for answer in verdict.answers)


def test_clark_sees_no_use_of_experts_beyond_the_cutoff_and_the_joint_law_does():
    flops = 6 * 130e9 * 10 * find_law("clark2022-sbase-digits").cutoff()
    laws = ["clark2022-sbase-digits", "ludziejewski2025"]
    (verdict,) = (answered for answered in compare_decisions(flops, laws) if answered.question == "num_experts")
    assert [answer.value for answer in verdict.answers] == [1, 64]
    assert not verdict.agree
    assert "the laws disagree: 1 (clark2022-sbase-digits [3.9 decades beyond its range])" in verdict.words


def test_the_end_of_a_search_is_a_bound_and_no_agreement():
    laws = ["ludziejewski2025", "abnar2025", "tian2025-el"]
    (verdict,) = (one for one in compare_decisions(1e22, laws) if one.question == "num_experts")
    assert [(answer.value, answer.bound) for answer in verdict.answers] == [(64, "at least")] * 3
    assert not verdict.agree
    assert "no law finds one before its search ends: at least 64, where the search ends (ludz" in verdict.words


def test_dense_is_a_best_value_and_no_end_of_a_search():
    """Fewer than one expert there is not."""
    law = find_law("clark2022-sbase-digits")
    flops = 6 * 130e9 * 10 * law.cutoff()
    (verdict,) = (one for one in compare_decisions(flops, [law.row.name]) if one.question == "num_experts")
    assert [(answer.value, answer.bound) for answer in verdict.answers] == [(1, "")]


@pytest.mark.parametrize(
    ("law", "asked", "value", "bound"),
    [
        ("krajewski2024-e64", "G_opt", 1.0, "at most"),
        ("krajewski2024-e64", "G_opt", 1024.0, "at least"),
        ("krajewski2024-e64", "granularity", 16.0, ""),
        ("ludziejewski2025", "E_opt", 32.0, "at least"),
        ("ludziejewski2025", "L", 1e9, ""),
        ("li2026-rstar", "foc_r", 1e12 * (1 - 1e-8), "at least"),
    ],
)
def test_an_output_at_the_end_of_its_search_is_a_bound(law, asked, value, bound):
    assert find_law(law).bound_of(asked, value) == bound


def test_the_ends_of_a_search_are_those_that_it_uses():
    """Where nothing holds a law back its search runs to the end that it states."""
    law = find_law("krajewski2024-e64")
    free = type(law)(law.row.with_coefficients(law.coefficients | {"g": 1e6}), find_law)
    assert law.bound_of("G_opt", float(free.evaluate("G_opt", {"F": 1e30}))) == "at least"
    flat = type(law)(law.row.with_coefficients(law.coefficients | {"g": 0.0}), find_law)
    assert law.bound_of("G_opt", float(flat.evaluate("G_opt", {"F": 1e20}))) == "at most"


def test_only_usable_laws_in_their_best_digits_are_compared_unless_named():
    names = comparable_laws()
    assert "clark2022-sbase-digits" in names
    assert not {"clark2022-sbase", "li2026-loss", "hoffmann2022-printed", "yun2024-loss"} & set(names)
    with pytest.raises(InputError, match="inconsistent"):
        compare(DENSE, TOKENS, ["hoffmann2022-printed"])
    with pytest.raises(InputError, match="form-only"):
        compare(SWITCH, TOKENS, ["wang2024-loss"])


def test_tokens_and_budget_must_be_positive():
    with pytest.raises(ConfigError, match="tokens: must be positive"):
        compare(DENSE, 0.0)
    with pytest.raises(ConfigError, match="train_flops: must be positive"):
        compare_decisions(0.0)


def test_a_flat_law_has_no_optimum_and_says_so_in_one_line(tmp_path):
    row = find_law("besiroglu2024").row
    flat = row.coefficients | {"A": 1.0, "B": 1.0, "alpha": 0.0, "beta": 0.0}
    save_law(replace(row, status="fitted", coefficients=flat), tmp_path / "flat.toml")
    with pytest.raises(InputError, match="law besiroglu2024: no optimum with these coefficients"):
        compare_decisions(1e20, [str(tmp_path / "flat.toml")])


def test_an_opinion_has_the_band_of_its_law_and_the_verdict_of_its_fit(tmp_path):
    row = find_law("besiroglu2024").row
    evidence = Evidence(verdict="ill_conditioned", weakest=("A", "alpha"))
    save_law(replace(row, status="fitted", evidence=evidence), tmp_path / "ours.toml")
    (opinion,) = compare(DENSE, 1e10, [str(tmp_path / "ours.toml")]).opinions
    assert opinion.fit == "ill conditioned: A, alpha"
    assert (opinion.low, opinion.high) == find_law("besiroglu2024").band(opinion.loss, DENSE, 1e10)
    (published,) = compare(DENSE, 1e10, ["besiroglu2024"]).opinions
    assert published.fit == ""
