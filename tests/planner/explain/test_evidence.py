"""What a plan says of the fit behind its law: a failed one is refused, or said first; a sound one last."""

from dataclasses import replace

import pytest

import optimoe
from optimoe.core.errors import InputError
from optimoe.laws.catalog import FAMILIES, find_law, save_law
from optimoe.laws.effects import CorpusEffects
from optimoe.laws.evidence import Evidence, HoldOutEvidence
from optimoe.planner.confidence.robust import assess
from optimoe.planner.explain.evidence import first_of_the_law, last_of_the_law
from optimoe.planner.plan import plan
from tests.planner.asked import SMALL, problem

ROW = find_law("besiroglu2024").row
FAILED = replace(ROW, name="ours", status="fitted", evidence=Evidence(verdict="at_bound", at_bound=("alpha", "E")))
DENSE_ONLY = replace(SMALL, num_experts=(1,))


def asked(row, **changes):
    return replace(problem(space=DENSE_ONLY), law=FAMILIES["chinchilla"](row), **changes)


def test_a_failed_fit_is_refused_by_law_verdict_and_coefficients():
    with pytest.raises(InputError, match="law ours: verdict: must be sound to plan with, got at bound: alpha, E"):
        asked(FAILED)


def test_a_budget_far_beyond_the_runs_of_one_corpus_is_refused_unless_it_is_allowed():
    budget = problem(space=DENSE_ONLY).training.budget_flops  # 1e21
    runs = Evidence(verdict="sound", runs=90)
    ranges = {"N": (1e6, 1e8), "D": (1e8, budget / 6e9 * 0.99)}  # the largest run is a little below a tenth of it
    far = replace(FAILED, evidence=runs, range=ranges)
    with pytest.raises(InputError, match="law ours: train_flops: must be at most 10 times its largest run"):
        asked(far)
    assert asked(far, allow_unsound=True)
    brought = replace(far, evidence=replace(runs, prior="optimoe2026"))
    effects = CorpusEffects(names=("scale",), covariance=((0.01,),), residual_scale=0.01)
    for near in (replace(far, range=ranges | {"N": (1e6, 1.1e8)}), brought, replace(far, effects=effects)):
        assert asked(near)


def test_how_sure_a_plan_at_the_end_of_a_laws_reach_is_can_be_asked():
    """What is asked around a question, such as a fifth more of its budget, lies beyond what a question may be."""
    ranges = {"N": (1e6, 1e8), "D": (1e8, problem(space=DENSE_ONLY).training.budget_flops / 6e9 * 1.01)}
    result = plan(asked(replace(FAILED, evidence=Evidence(verdict="sound", runs=90), range=ranges)))
    assert "training FLOPs" in {price.limit for price in assess(result, draws=2).shadow_prices}


def test_a_failed_fit_that_is_allowed_is_said_first():
    warnings = plan(asked(FAILED, allow_unsound=True)).warnings
    assert warnings[0].startswith("the fit of ours is not sound (at bound: alpha, E)")


def test_the_doors_take_the_same_word(tmp_path):
    save_law(FAILED, tmp_path / "ours.toml")
    words = {"train_flops": 1e20, "serve_tokens": 1e9, "experts": "1", "law": str(tmp_path / "ours.toml")}
    with pytest.raises(InputError, match="--allow-unsound"):
        optimoe.plan(**words)
    assert "not sound" in optimoe.plan(**words, allow_unsound=True).warnings[0]


def test_a_sound_fit_is_repeated_last_with_its_test_on_unseen_runs():
    held = HoldOutEvidence(rule="top20%", held_runs=48, rmse_log=0.0123, inside=0.54)
    evidence = Evidence(verdict="sound", runs=240, holdout=held, n_basis="the column params")
    row = replace(FAILED, evidence=evidence)
    of_the_law = tuple(line for line in plan(asked(row)).warnings if not line.startswith("serving is billed"))
    assert (
        of_the_law[-3:]
        == last_of_the_law(row, 2.0)
        == (
            "ours is a sound fit to 240 runs",
            "ours missed 48 runs that it had not seen (top20%) by 0.0123 in ln L, 54% inside its band",
            "N of ours is taken as total parameters by the column params, nobody stated it",
        )
    )
    assert first_of_the_law(row) == ()


def test_few_runs_are_planned_with_and_said_first():
    row = replace(FAILED, evidence=Evidence(verdict="too_few_runs", runs=6))
    assert plan(asked(row)).warnings[0] == "the fit of ours on 6 runs is too few runs"


def test_a_test_whose_fit_did_not_converge_is_called_none():
    held = HoldOutEvidence(rule="top20%", held_runs=4, rmse_log=0.1, inside=0.5, converged=False)
    (line,) = last_of_the_law(replace(FAILED, evidence=Evidence(holdout=held)), 2.0)
    assert line.endswith("that fit did not converge, so this is no test")


def test_a_published_law_has_no_fit_to_speak_of():
    assert first_of_the_law(ROW) == last_of_the_law(ROW, 2.0) == ()


def test_the_band_of_a_plan_is_that_of_the_laws_draws():
    draws = {"E": tuple(ROW.coefficients["E"] + 0.001 * step for step in range(-100, 101))}
    drawn, bare = (plan(asked(replace(ROW, draws=some))).choice.loss for some in (draws, {}))
    assert drawn.value == bare.value
    assert drawn.low < bare.low
    assert drawn.high > bare.high


def test_a_law_over_corpora_says_how_far_off_it_is_on_other_data():
    effects = CorpusEffects(
        names=("E", "scale"),
        covariance=((0.16, -0.04), (-0.04, 0.0225)),
        residual_scale=0.01,
        corpora=("a", "b", "c"),
    )
    (line,) = last_of_the_law(replace(ROW, effects=effects), 2.0)
    # variance of u_scale + u_E/2: 0.0225 + 0.16/4 - 2·0.04/2 = 0.15²
    assert "over 3 corpora" in line
    assert "off by 15%" in line
