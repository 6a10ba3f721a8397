import numpy as np
import pytest

from optimoe.laws.catalog import find_law
from optimoe.laws.observations import Observations


@pytest.fixture
def planted():
    """Runs that lie on a published law, with normal noise on ln L: planted(name, runs, noise, seed)."""

    def make(name, runs=120, noise=0.0, seed=0, experts=(1, 2, 4, 8, 16, 32, 64)):
        law, rng = find_law(name), np.random.default_rng(seed)
        variables = {symbol: np.exp(rng.uniform(17, 24, runs)) for symbol in law.outputs["L"]}
        if "E" in variables:
            variables["E"] = rng.choice(np.array(experts, dtype=float), runs)
        loss = law.loss(**variables) * np.exp(noise * rng.standard_normal(runs))
        return Observations(variables=variables, loss=loss)

    return make
