"""Evidence and draws of a law: written and read back exactly, refused where they cannot be."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimoe.core.errors import ConfigError, InputError, UnknownNameError
from optimoe.laws.catalog import FAMILIES, find_law, find_loss_law
from optimoe.laws.domain import Domain
from optimoe.laws.evidence import Evidence, HoldOutEvidence
from optimoe.laws.fitting import save_law
from optimoe.laws.fitting.draws import law_draws
from optimoe.laws.law import LawRow
from optimoe.laws.terms.sizes import SIZES
from tests.laws.designs import DENSE, SWITCH

COEFFICIENTS = {"E": 1.7, "A": 400.0, "B": 410.0, "alpha": 0.34, "beta": 0.28}
ROW = LawRow(
    name="mine", family="chinchilla", source="s", status="fitted", n_convention="total", coefficients=COEFFICIENTS
)

texts = st.text("ab7 \"'\\\n\tü·#=[]", max_size=12)
shares = st.floats(0, 1)
counts = st.integers(0, 10**9)
# Plain values: checked annotations draw random items of what they check, which strategies must not.
held_out = st.fixed_dictionaries(
    {
        "rule": texts,
        "held_runs": st.integers(1, 10**6),
        "rmse_log": st.floats(0, 10),
        "inside": shares,
        "converged": st.booleans(),
    }
)
facts = st.fixed_dictionaries(
    {
        "verdict": st.sampled_from([None, "sound", "at_bound", "ill_conditioned", "not_converged"]),
        "at_bound": st.lists(st.sampled_from(sorted(COEFFICIENTS)), max_size=2).map(tuple),
        "weakest": st.lists(st.sampled_from(sorted(COEFFICIENTS)), max_size=2).map(tuple),
        "condition": st.floats(0, allow_infinity=True),
        "objective": texts,
        "objective_value": st.floats(allow_nan=False),
        "runs": counts,
        "outliers": counts,
        "excluded": st.dictionaries(texts, st.integers(1, 10**6), max_size=3),
        "excluded_rows": st.lists(texts, max_size=3).map(tuple),
        "holdout": st.none() | held_out,
        "files": st.lists(texts, max_size=3).map(tuple),
        "cluster": texts,
        "date": st.just("") | st.dates().map(lambda day: day.isoformat()),
        "command": texts,
    }
)
pairs = st.lists(st.tuples(st.floats(0.01, 1.0), st.floats(0.01, 1.0)), min_size=2, max_size=5)


@given(stated=facts, drawn=pairs)
def test_what_a_fit_knows_and_draws_is_read_back_to_the_bit(stated, drawn, tmp_path_factory):
    test = stated["holdout"] and HoldOutEvidence(**stated["holdout"])
    evidence = Evidence(**stated | {"holdout": test})
    alpha, beta = zip(*drawn, strict=True)
    row = replace(ROW, evidence=evidence, draws={"alpha": alpha, "beta": beta})
    path = tmp_path_factory.getbasetemp() / "mine.toml"
    save_law(row, path)
    assert find_law(str(path)).row == row


def test_a_published_law_has_no_evidence_of_its_own():
    assert find_law("besiroglu2024").row.evidence == Evidence()
    assert find_law("besiroglu2024").row.draws == {}


def test_evidence_that_cannot_be_is_refused():
    with pytest.raises(ConfigError, match="inside: must be a share"):
        HoldOutEvidence(rule="top20%", held_runs=3, rmse_log=0.1, inside=1.5)
    with pytest.raises(ConfigError, match="condition: must be zero or more"):
        Evidence(condition=-1.0)
    with pytest.raises(ConfigError, match="date: must be an ISO 8601 date"):
        Evidence(date="yesterday")


def test_a_verdict_that_is_none_names_the_four(tmp_path: Path):
    path = tmp_path / "mine.toml"
    save_law(ROW, path)
    path.write_text(path.read_text() + '\n[law.evidence]\nverdict = "fine"\n')
    with pytest.raises((ConfigError, UnknownNameError), match="fine"):
        find_law(str(path))


def test_other_coefficients_have_no_draws_of_these():
    assert replace(ROW, draws={"alpha": (0.3, 0.4)}).with_coefficients(COEFFICIENTS).draws == {}


OF_32 = Domain(models="routed", num_experts=(32, 32))


@pytest.mark.parametrize("convention", ["total", "active", "nonembedding", "active_nonembedding"])
def test_a_law_is_asked_in_the_parameters_that_its_n_counts(convention):
    law = FAMILIES["chinchilla"](replace(ROW, n_convention=convention, domain=OF_32))
    assert law.variables(SWITCH)["N"] == SIZES[convention](SWITCH)
    assert law.arch_curve(SWITCH).floor == law.curve(N=SIZES[convention](SWITCH)).floor


@pytest.mark.parametrize("convention", ["", "unstated"])
def test_a_law_that_does_not_say_what_its_n_counts_is_not_planned_with(convention, tmp_path: Path):
    save_law(replace(ROW, n_convention=convention), tmp_path / "mine.toml")
    law = find_law(str(tmp_path / "mine.toml"))
    assert law.evaluate("L", {"N": 1e9, "D": 2e10}) > 0
    with pytest.raises(InputError, match=r"law mine: n_convention: must say what its N counts \(total, active, "):
        find_loss_law(str(tmp_path / "mine.toml"))
    with pytest.raises(InputError, match="n_convention"):
        law.arch_loss(DENSE, 1e10)


def test_what_no_n_counts_is_refused_with_the_list(tmp_path: Path):
    save_law(replace(ROW, n_convention="activ"), tmp_path / "mine.toml")
    with pytest.raises(UnknownNameError, match=r"mine.toml: n_convention: unknown name 'activ' \(nearest: active"):
        find_law(str(tmp_path / "mine.toml"))


DRAWN = replace(
    ROW,
    rmse_log=0.005,
    range={"N": (1e8, 1e10), "D": (1e9, 1e12)},
    draws={"E": tuple(1.7 + 0.02 * np.linspace(-1, 1, 101)), "beta": (0.28,) * 101},
)


def test_the_band_of_a_law_is_that_of_its_draws_and_its_scatter():
    law = FAMILIES["chinchilla"](DRAWN)
    loss, _, high = law.loss_and_band({"N": 1e9, "D": 2e10})
    drawn = loss + np.array(DRAWN.draws["E"]) - 1.7
    reach = np.log(np.quantile(drawn, 0.95) / loss)
    assert np.log(high / loss) == pytest.approx(np.hypot(reach, 1.645 * 0.005))
    arch_loss = law.arch_loss(DENSE, 2e10)
    bare = FAMILIES["chinchilla"](replace(DRAWN, draws={}))
    inside, outside = law.band(arch_loss, DENSE, 2e10), bare.band(arch_loss, DENSE, 2e10)
    assert inside[0] < outside[0] < arch_loss < outside[1] < inside[1]


def test_draws_of_a_law_are_taken_in_place_of_a_parametric_bootstrap():
    law = FAMILIES["chinchilla"](replace(DRAWN, rmse_log=0.0, range={}))
    few, many = law_draws(law, 40), law_draws(law, 500)
    assert len(set(few.coefficients["E"][:, 0])) == 40  # none twice while there are enough
    assert many.coefficients["E"].shape == many.coefficients["A"].shape == (500, 1)
    assert set(many.coefficients["E"][:, 0]) <= set(DRAWN.draws["E"])
    assert np.array_equal(law_draws(law, 40).coefficients["E"], few.coefficients["E"])
    assert not np.array_equal(law_draws(law, 40, seed=1).coefficients["E"], few.coefficients["E"])


@pytest.mark.parametrize(
    ("evidence", "words"),
    [
        (Evidence(verdict="at_bound", at_bound=("alpha", "E")), "at bound: alpha, E"),
        (Evidence(verdict="ill_conditioned", weakest=("A", "alpha")), "ill conditioned: A, alpha"),
        (Evidence(verdict="not_converged"), "not converged"),
        (Evidence(verdict="reduced", held=("B", "beta")), "reduced: B, beta"),
    ],
)
def test_a_law_whose_fit_failed_is_refused_with_its_verdict_and_coefficients(evidence, words):
    law = FAMILIES["chinchilla"](replace(ROW, evidence=evidence))
    with pytest.raises(InputError, match=f"law mine: verdict: must be sound to plan with, got {words}: .*unsound"):
        law.require_sound()


@pytest.mark.parametrize("verdict", [None, "sound", "too_few_runs"])
def test_other_verdicts_are_planned_with(verdict):
    FAMILIES["chinchilla"](replace(ROW, evidence=Evidence(verdict=verdict))).require_sound()
