"""Runs planted on a law, and property tests without a clock: the machine may be busy."""

import numpy as np
import pytest
from hypothesis import settings

from optimoe.laws.catalog import find_family, find_law
from optimoe.laws.law import LawRow
from optimoe.laws.runs import Observations
from tests.laws.cases import spread

settings.register_profile("no-deadline", deadline=None)
settings.load_profile("no-deadline")


@pytest.fixture
def planted():
    """Runs that lie on a published law, with normal noise on ln L: planted(name, runs, noise, seed)."""

    def make(name, runs=120, noise=0.0, seed=0, experts=(1, 2, 4, 8, 16, 32, 64)):
        law, rng = find_law(name), np.random.default_rng(seed)
        variables = spread(law, runs, rng, experts)
        loss = law.loss(**variables) * np.exp(noise * rng.standard_normal(runs))
        return Observations(variables=variables, loss=loss)

    return make


@pytest.fixture
def planted_form():
    """Runs that lie on a family with these coefficients: planted_form(family, coefficients)."""

    def make(family, coefficients, runs=200):
        row = LawRow(
            name="truth",
            family=family,
            source="",
            status="fitted",
            n_convention="",
            coefficients=coefficients,
        )
        law = find_family(family)(row)
        variables = spread(law, runs, np.random.default_rng(0))
        return Observations(variables=variables, loss=law.loss(**variables))

    return make
