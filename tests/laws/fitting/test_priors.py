import numpy as np
import pytest

from optimoe.core.config import build, stated_table
from optimoe.core.errors import ConfigError, UnknownNameError
from optimoe.laws.fitting.priors import GaussianPrior, independent_prior, prior_of_draws


def test_a_coefficient_bounded_above_zero_has_a_prior_of_its_logarithm():
    prior = independent_prior("chinchilla", {"A": (400.0, 0.1), "alpha": (0.3, 0.02)})
    assert prior.logs == ("A",)
    assert prior.mean == pytest.approx((np.log(400), 0.3))
    assert prior.std("alpha") == pytest.approx(0.02)


def test_draws_become_their_mean_and_covariance_in_the_coordinates_of_the_fit():
    random = np.random.default_rng(0)
    alpha = 0.3 + 0.01 * random.standard_normal(4000)
    draws = {"alpha": alpha, "A": np.exp(20 * alpha), "E": np.full(4000, 1.7)}
    prior = prior_of_draws("chinchilla", draws, "a law")
    assert prior.names == ("alpha", "A"), "what does not vary is known, and no prior"
    assert prior.std("A") == pytest.approx(0.2, rel=0.05)
    correlation = prior.matrix()[0, 1] / prior.std("alpha") / prior.std("A")
    assert correlation == pytest.approx(1, abs=1e-6)


def test_fewer_draws_than_coefficients_still_make_a_prior():
    random = np.random.default_rng(1)
    draws = {name: 1 + 0.1 * random.standard_normal(3) for name in ("E", "alpha", "beta", "A", "B")}
    matrix = prior_of_draws("chinchilla", draws, "a law").matrix()
    assert np.linalg.eigvalsh(matrix).min() > 0


def test_a_prior_is_written_and_read_back():
    prior = independent_prior("chinchilla", {"A": (400.0, 0.1), "alpha": (0.3, 0.02)}, "a paper")
    assert build(GaussianPrior, stated_table(prior), where="prior") == prior


def test_what_is_no_prior_is_refused():
    with pytest.raises(UnknownNameError, match="coefficient"):
        independent_prior("chinchilla", {"rho": (0.5, 0.1)})
    with pytest.raises(ConfigError, match="positive definite"):
        GaussianPrior(names=("alpha", "beta"), mean=(0.0, 0.0), covariance=((1.0, 1.0), (1.0, 1.0)))
    with pytest.raises(ConfigError, match="do not vary"):
        prior_of_draws("chinchilla", {"E": (1.7, 1.7)}, "a law")
