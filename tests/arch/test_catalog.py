"""The catalog: every model counts and names its source."""

import math

import pytest

from optimoe.arch.catalog import find_model, model_names
from optimoe.arch.count import count
from optimoe.core.config import load_facts


def test_the_catalog_holds_seven_models_or_more():
    assert len(model_names()) >= 7


@pytest.mark.parametrize("name", model_names())
def test_every_model_of_the_catalog_names_its_source(name):
    assert load_facts("optimoe.arch", "models.toml")["model"][name]["source"].strip()


@pytest.mark.parametrize("name", model_names())
def test_every_model_of_the_catalog_counts(name):
    counted = count(find_model(name))
    assert 1e8 < counted.params.active <= counted.params.total < 1e13
    assert math.isfinite(counted.prefill.total)
