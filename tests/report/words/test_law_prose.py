"""Fits and comparisons of laws in words print their numbers."""

import math
from dataclasses import replace
from functools import cache

from optimoe.arch.catalog import find_model
from optimoe.laws.catalog import find_law
from optimoe.laws.check import CheckResult
from optimoe.laws.compare import Advice, compare
from optimoe.laws.fitting import HoldOut, Interval, fit
from optimoe.laws.runs import Flag, load_observations
from optimoe.report.words.law_prose import (
    check_lines,
    comparison_lines,
    effective_size_words,
    fit_lines,
    law_lines,
)

INTERVAL = Interval(low=0.1, high=0.9, std_error=0.2, level=0.9, method="bootstrap")


@cache
def fitted(folder):
    rows = ["N,D,loss"]
    rows += [
        f"{n},{d},{1.8 + 480 / n**0.35 + 2100 / d**0.37}" for n in (1e8, 3e8, 1e9, 3e9) for d in (2e9, 1e10, 5e10)
    ]
    path = folder / "runs.csv"
    path.write_text("\n".join(rows))
    return fit(load_observations(path), "chinchilla")


def test_a_fit_is_said_with_verdict_coefficients_and_intervals(tmp_path_factory):
    found = fitted(tmp_path_factory.getbasetemp())
    lines = dict(fit_lines(found, {"alpha": INTERVAL}, None))
    assert lines["Law"].endswith(f"family chinchilla: {found.verdict.replace('_', ' ')}")
    assert lines["Fit"].startswith(f"12 runs, rmse of ln L {found.rmse_log:.4f}")
    assert lines["alpha"] == f"{found.coefficients['alpha']:.8g}  (0.1 – 0.9, 90%)"
    assert lines["beta"] == f"{found.coefficients['beta']:.8g}"
    assert "Held out" not in lines


def test_a_fit_with_doubts_names_them(tmp_path_factory):
    found = fitted(tmp_path_factory.getbasetemp())
    flags = tuple(Flag(row=row, run="", reason="far", used=True) for row in range(1, 9))
    doubted = replace(found, verdict="ill_conditioned", at_bound=("E",), weakest=("A", "alpha"), outliers=flags)
    test = HoldOut(
        rule="top20%", fitted_runs=9, held_runs=3, rmse_log=0.0123, bias_log=-0.004, worst_log=0.02,
        rmse_fitted=0.001, inside=2 / 3, converged=False, held=(), coefficients={},
    )  # fmt: skip
    lines = fit_lines(doubted, {}, test)
    labelled = dict(lines)
    assert labelled["At bound"] == "E"
    assert labelled["Weakest"] == "the runs do not tell A, alpha apart"
    assert "3 runs, rmse of ln L 0.0123 against 0.0010 fitted, bias -0.0040, 67% inside" in labelled["Held out"]
    assert labelled["Held out"].endswith(
        "the fit to the other 9 runs did not converge: this is no test of the law"
    )
    assert labelled["E"].endswith("at its limit: no interval")
    assert sum("far" in text for _, text in lines) == 5  # the first five of eight


def test_a_fit_with_too_few_runs_says_how_many_it_needs(tmp_path_factory):
    lines = dict(
        fit_lines(replace(fitted(tmp_path_factory.getbasetemp()), verdict="too_few_runs", runs=6), {}, None)
    )
    assert lines["Too few"] == "6 runs for 5 free coefficients: add runs to 8, or fix some"


def test_a_design_is_said_to_differ_from_the_dense_model_of_each_law():
    comparison = compare(find_model("mixtral-8x7b"), 1e12, ["ludziejewski2025", "li2026-rstar"])
    (opinion,) = comparison.opinions
    lines = comparison_lines(comparison)
    assert lines[0] == ("Design", "mixtral-8x7b on 1.00T tokens")
    assert dict(lines)["ludziejewski2025"].startswith(
        f"{opinion.difference:+.4f} against dense, worth 20.9B (20.9B – 24.9B) dense, loss {opinion.loss:.4f}"
    )
    alone = replace(opinion, difference=math.nan, inside=True, concerns=("top-9 routing",))
    alone = replace(alone, decades_beyond={"N_act": 0.0})
    said = {"inputs": {"E": 8, "r": 2.0}, "outputs": {"r_star": 1.5}, "decades_beyond": {"E": 0.3, "r": 0.0}}
    advice = (Advice(law="a law", source="", concerns=(), unstated=(), **said),)
    others = comparison_lines(replace(comparison, opinions=(alone,), advice=advice))
    assert dict(others)["ludziejewski2025"].startswith("no dense model, ")
    assert dict(others)["ludziejewski2025"].endswith("inside its range")
    assert ("", "never fitted on top-9 routing") in others
    assert ("a law", "r_star 1.5 at E 8, r 2") in others
    assert ("", "beyond its range by decades: E 0.3") in others


def test_what_a_design_is_worth_is_said_with_band_convention_and_cutoff():
    (opinion,) = compare(find_model("mixtral-8x7b"), 1e12, ["ludziejewski2025"]).opinions
    plain = replace(opinion.worth, params=27e9, low=math.nan, high=math.nan)
    assert effective_size_words(plain) == "worth 27.0B dense"
    assert effective_size_words(replace(plain, low=20e9, high=35e9)) == "worth 27.0B (20.0B – 35.0B) dense"
    assert effective_size_words(replace(plain, embeddings=False)) == "worth 27.0B dense without embeddings"
    past = effective_size_words(replace(plain, cutoff=8.65e10, past_cutoff=True))
    assert past == "worth 27.0B dense, past its cut-off of 86.5B: routing no longer helps"
    more = effective_size_words(replace(plain, above_total=True))
    assert more == "worth 27.0B dense, more than all its parameters"
    assert effective_size_words(replace(plain, params=math.inf)) == "worth more than any dense size"


def test_a_law_is_said_with_values_units_range_and_outputs():
    law = find_law("besiroglu2024")
    lines = dict(law_lines(law.row, law.outputs))
    assert lines["Law"] == f"besiroglu2024, family {law.row.family}, {law.row.status}"
    for symbol, value in law.row.coefficients.items():
        assert f"{symbol} = {value:g}" in lines["Values"]
    for symbol, (low, high) in law.row.range.items():
        assert f"{low:g} ≤ {symbol} ≤ {high:g}" in lines["Range"]
    assert "L(N, D)" in lines["Gives"]


def test_check_values_are_counted_and_those_that_fail_are_shown():
    def result(ok, ours, pending=""):
        return CheckResult(
            law="l",
            output="L",
            inputs={"N": 1.0},
            expected=2.0,
            ours=ours,
            tolerance_rel=0.1,
            ok=ok,
            pending=pending,
        )

    lines = check_lines([result(True, 2.0), result(False, 3.0), result(None, None, "no such law")])
    assert lines == [
        ("Passed", "1 of 3"),
        ("Failed", "l L {'N': 1.0}: expected 2, ours 3"),
        ("Pending", "l L: no such law"),
    ]
