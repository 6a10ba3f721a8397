import inspect

import numpy as np
import pytest

from optimoe.laws.catalog import FAMILIES, find_law
from optimoe.laws.law import LawRow
from optimoe.laws.runs import Observations

SHARES = {"S"}
COUNTS = {"E", "G"}


def spread(law, runs, rng, experts=(1, 2, 4, 8, 16, 32, 64)):
    """A wide design in a law's variables: sizes and tokens over three decades, experts in powers of two."""
    variables = {}
    for symbol in list(inspect.signature(type(law).loss).parameters)[1:]:
        if symbol in COUNTS:
            variables[symbol] = rng.choice(np.array(experts, dtype=float), runs)
        elif symbol in SHARES:
            variables[symbol] = rng.uniform(0.05, 0.9, runs)
        elif symbol == "N_a":
            variables[symbol] = variables["N"] * rng.uniform(0.03, 0.6, runs)
        else:
            variables[symbol] = np.exp(rng.uniform(17, 24, runs))
    return variables


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
        law = FAMILIES[family](row)
        variables = spread(law, runs, np.random.default_rng(0))
        return Observations(variables=variables, loss=law.loss(**variables))

    return make
