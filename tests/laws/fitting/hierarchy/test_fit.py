import numpy as np
import pytest

from optimoe.core.errors import ConfigError, UnknownNameError
from optimoe.laws.catalog import find_law, save_law
from optimoe.laws.fitting import FitOptions, StudentT, fit
from optimoe.laws.fitting.hierarchy import HierarchyOptions, fit_hierarchy
from optimoe.laws.fitting.priors import GaussianPrior
from tests.laws.fitting.hierarchy.corpora import plant_corpora

TRUTH = find_law("besiroglu2024").row.coefficients


def test_planted_exponents_and_the_differences_of_corpora_are_recovered():
    corpora, truth = plant_corpora()
    found = fit_hierarchy(corpora, "chinchilla")
    assert found.verdict == "sound"
    assert found.coefficients["alpha"] == pytest.approx(TRUTH["alpha"], abs=0.01)
    assert found.coefficients["beta"] == pytest.approx(TRUTH["beta"], abs=0.01)
    names = list(truth)
    scales = np.log([truth[name][1] for name in names]) - np.log([found.effects[name]["scale"] for name in names])
    floors = np.array([truth[name][0] - found.effects[name]["E"] for name in names])
    assert np.ptp(scales) < 0.03, "scales are known up to what all corpora share"
    assert np.ptp(floors) < 0.1


def test_the_spread_of_the_planted_effects_is_recovered_over_many_corpora():
    corpora, truth = plant_corpora(count=16, runs=30)
    shown = np.array(list(truth.values()))
    std = fit_hierarchy(corpora, "chinchilla").spread.std()
    assert std["scale"] == pytest.approx(np.log(shown[:, 1]).std(), rel=0.3)
    assert std["E"] == pytest.approx(shown[:, 0].std(), rel=0.3)


def test_a_spread_that_is_stated_is_not_estimated():
    corpora, _ = plant_corpora(count=3)
    found = fit_hierarchy(corpora, "chinchilla", spread={"scale": 0.02})
    assert found.spread.std()["scale"] == pytest.approx(0.02)
    assert found.spread.covariance[0, 1] == 0


def test_the_law_of_a_corpus_is_plain_coefficients_of_the_family():
    corpora, _ = plant_corpora(count=3)
    found = fit_hierarchy(corpora, "chinchilla")
    for name, runs in corpora.items():
        law = found.model.family(found.corpora[name])
        residual = np.log(law.loss(**runs.variables) / runs.loss)
        assert np.sqrt(np.mean(residual**2)) == pytest.approx(found.rmse_log[name], rel=1e-9)


def test_a_tight_prior_is_kept_and_a_wide_one_leaves_the_plain_fit():
    corpora, _ = plant_corpora(count=1, floor_std=1e-9, scale_std=1e-9)
    options = HierarchyOptions(residual_runs=1e-9)
    tight, wide = (
        fit_hierarchy(corpora, "chinchilla", per_group=(), priors={"alpha": (0.5, std)}, options=options)
        for std in (1e-6, 1e6)
    )
    plain = fit(corpora["c0"], "chinchilla", FitOptions(objective=StudentT()))
    assert tight.coefficients["alpha"] == pytest.approx(0.5, abs=1e-5)
    assert wide.coefficients == pytest.approx(plain.coefficients, rel=1e-5)
    assert wide.learned["alpha"] < 1e-3


def test_the_prior_alone_decides_what_no_run_identifies():
    corpora, _ = plant_corpora(count=2)
    one_size = {
        name: type(runs)(
            variables={"N": np.full(len(runs), 1e9), "D": runs.variables["D"]},
            loss=find_law("besiroglu2024").loss(N=1e9, D=runs.variables["D"]),
        )
        for name, runs in corpora.items()
    }
    prior = {"alpha": (0.4, 0.05), "A": (500.0, 0.1)}
    found = fit_hierarchy(one_size, "chinchilla", priors=prior)
    assert found.learned["alpha"] > 0.9
    assert found.coefficients["alpha"] == pytest.approx(0.4, abs=0.02)


def test_a_corpus_of_one_run_has_the_residual_scale_of_its_prior_and_not_zero():
    corpora, _ = plant_corpora(count=3)
    corpora["c0"] = corpora["c0"].select(np.arange(60) == 5)
    found = fit_hierarchy(corpora, "chinchilla")
    assert 0.003 < found.residual_scale["c0"] < 0.02


@pytest.mark.parametrize(
    ("how", "error", "text"),
    [
        ({"per_group": ("rho",)}, UnknownNameError, "per_group"),
        ({"shared": ("E",)}, ConfigError, "shared: E"),
        ({"spread": {"A": 0.1}}, UnknownNameError, "spread"),
        ({"priors": {"alpha": (0.3, 0.0)}}, ConfigError, "prior of alpha"),
        (
            {"priors": GaussianPrior(names=("A",), mean=(5.0,), covariance=((1.0,),))},
            ConfigError,
            "prior of A",
        ),
        ({"options": HierarchyOptions(weights={"other": 1.0})}, UnknownNameError, "corpus"),
    ],
)
def test_what_cannot_be_fitted_is_refused_by_name(how, error, text):
    corpora, _ = plant_corpora(count=2, runs=20)
    with pytest.raises(error, match=text):
        fit_hierarchy(corpora, "chinchilla", **how)


def test_a_scale_needs_a_loss_that_its_linear_coefficients_multiply():
    corpora, _ = plant_corpora(count=2, runs=20)
    corpora = {
        name: type(runs)(variables={"N": runs.variables["N"], "E": np.full(len(runs), 8.0)}, loss=runs.loss)
        for name, runs in corpora.items()
    }
    with pytest.raises(ConfigError, match="scale needs a loss"):
        fit_hierarchy(corpora, "clark", per_group=("scale",))


def test_the_law_carries_its_verdict_its_corpora_and_their_spread_into_its_file(tmp_path):
    corpora, _ = plant_corpora(count=3, runs=20)
    found = fit_hierarchy(corpora, "chinchilla", options=HierarchyOptions(n_convention="total"), name="ours")
    save_law(found.law, tmp_path / "ours.toml")
    read = find_law(str(tmp_path / "ours.toml")).row
    assert read.evidence.verdict == found.verdict
    assert read.evidence.runs == 60
    assert read.effects.names == ("E", "scale")
    assert read.effects.corpora == tuple(corpora)
    assert read.effects.std("scale") == pytest.approx(found.spread.std()["scale"])
    assert read.n_convention == "total"
