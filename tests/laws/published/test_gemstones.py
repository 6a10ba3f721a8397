"""The fits of Gemstones on the authors' runs, where these are at hand."""

import pytest

from optimoe.core.claims import Asked
from optimoe.core.errors import DataSetError
from optimoe.laws.datasets import load_gemstones_runs
from optimoe.laws.published.gemstones import objective, refit

PUBLISHED = {
    "delta": 1e-3,
    "e": 0.6681624725,
    "params": [4.9008415415, 0.2591125694],
    "tokens": [12.850969215, 0.5972679073],
}


@pytest.fixture(autouse=True)
def runs():
    try:
        return load_gemstones_runs()
    except DataSetError as error:
        pytest.skip(str(error))


def test_the_table_of_their_fits_is_read(runs):
    assert len(runs.loss) == 770
    assert len(load_gemstones_runs(above_tokens=120e9).loss) == 528


def test_the_published_objective_value_follows_to_all_printed_digits():
    assert objective(Asked(inputs=PUBLISHED)) == pytest.approx(0.0065925344, abs=5e-11)


def test_the_minimum_lies_a_little_below_where_their_search_stopped():
    asked = {"delta": 1e-3}
    least = refit(Asked(output="objective", inputs=asked))
    assert least < objective(Asked(inputs=PUBLISHED))
    stopped = refit(Asked(output="alpha", inputs=PUBLISHED))
    assert stopped == pytest.approx(0.2591125694, abs=1e-7)
    assert abs(stopped - refit(Asked(output="alpha", inputs=asked))) > 1e-5


def test_a_search_from_other_coefficients_does_not_stop_there():
    """The cause can fail: it explains coefficients where a search would stop, and no others."""
    moved = PUBLISHED | {"e": 0.7}
    assert abs(refit(Asked(output="e", inputs=moved)) - 0.7) > 1e-2
