"""Rows and columns in another unit than they should be."""

import numpy as np
import pytest

from optimoe.core.errors import ConfigError
from optimoe.laws.runs import as_observations

RNG = np.random.default_rng(0)


def table(**changes):
    params = np.exp(np.linspace(17, 23, 12))
    tokens = 20 * params * np.exp(RNG.uniform(-1, 1, 12))
    columns = {"N": params, "D": tokens, "C": 6 * params * tokens, "loss": 2 + 400 / params**0.34}
    return columns | {name: change(columns[name].copy()) for name, change in changes.items()}


def scaled(factor, row=6):
    def change(column):
        column[row] *= factor
        return column

    return change


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"N": scaled(1e-9)}, r"row 7: N is \S+ where half of the rows have \S+ or more: in billions\?"),
        ({"N": scaled(1e-6)}, r"row 7: N is \S+ where .*: in millions\?"),
        ({"D": scaled(1e-9)}, r"row 7: D is \S+ where .*: in billions\?"),
        ({"D": scaled(1e-6)}, r"row 7: D is \S+ where .*: in millions\?"),
        ({"D": scaled(1e9)}, r"row 7: D is \S+ where .*: 1e9 times too large\?"),
        ({"C": scaled(1e-15)}, r"row 7: C is \S+ where"),
        ({"N": scaled(1e-3)}, r"row 7: C/\(6·N·D\) is 1e\+3 times that of the other rows"),
        ({"C": scaled(1e3)}, r"row 7: C/\(6·N·D\) is 1e\+3 times that of the other rows"),
        ({"loss": scaled(20)}, r"row 7: loss is \S+ \(a perplexity\? its logarithm is"),
    ],
)
def test_a_row_in_another_unit_is_refused_by_its_number(changes, words):
    with pytest.raises(ConfigError, match=f"1 rows cannot be used .{words}"):
        as_observations(table(**changes))
    runs = as_observations(table(**changes), bad_rows="exclude")
    assert 7 not in runs.rows
    assert len(runs) == 11


def test_one_row_in_billions_is_found_without_flops_too():
    columns = table(N=scaled(10**-3.5), D=scaled(1e3))
    del columns["C"]
    with pytest.raises(ConfigError, match=r"row 7: D/N is 1e\+6 times"):
        as_observations(columns)


def test_a_wide_ladder_of_sizes_is_in_one_unit():
    params = np.geomspace(1e6, 1e12, 13)
    runs = as_observations({"N": params, "D": 20 * params, "C": 120 * params**2, "loss": 2 + 400 / params**0.34})
    assert len(runs) == 13


@pytest.mark.parametrize("column", ["val_ppl", "perplexity", "Eval PPL"])
def test_a_perplexity_is_known_by_its_name_where_its_values_could_be_losses(column):
    columns = table()
    perplexity = np.exp(columns.pop("loss"))
    with pytest.raises(ConfigError, match=r"a perplexity by its name .take its logarithm: loss=log\("):
        as_observations(columns | {column: perplexity}, {"N": "N", "D": "D", "loss": column})


def test_the_logarithm_of_a_perplexity_is_a_loss():
    columns = table()
    runs = as_observations(columns | {"ppl": np.exp(columns["loss"])}, {"N": "N", "D": "D", "loss": "log(ppl)"})
    np.testing.assert_allclose(runs.loss, columns["loss"])


def test_a_column_of_perplexities_is_hinted_by_its_values():
    columns = table()
    with pytest.raises(ConfigError, match=r"a perplexity is exp of it: loss=log\(L"):
        as_observations({**columns, "L": np.exp(2 * columns["loss"])}, {"N": "N", "D": "D", "loss": "L"})


def test_a_whole_column_in_another_unit_is_refused():
    with pytest.raises(ConfigError, match=r"N: must be in parameters \(scale it"):
        as_observations(table(N=lambda column: column / 1e9))
    with pytest.raises(ConfigError, match="D: must be in tokens, got at least"):
        as_observations(table(D=lambda column: column * 1e9))
