"""Formulas over columns."""

import numpy as np
import pytest

from optimoe.core.errors import ConfigError, UnknownNameError
from optimoe.core.formulas import evaluate

COLUMNS = {
    "ppl": np.array([10.0, 20.0]),
    "size": np.array([15e6, 1.3e9]),
    "kind": np.array(["1", "2"], dtype=object),
    "router": np.array(["Hash", "Dense"], dtype=object),
    "Train Loss": np.array([3.0, 2.0]),
}


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ("log(ppl)", np.log([10, 20])),
        ("log10(ppl) * 2", 2 * np.log10([10, 20])),
        ("exp(sqrt(ppl))", np.exp(np.sqrt([10, 20]))),
        ("-ppl + 3 ** 2", [-1, -11]),
        ("Train Loss", [3, 2]),
        ("size == '15M'", [True, False]),
        ("kind == 2", [False, True]),
        ("router == 'Hash' or ppl > 15", [True, True]),
        ("not (ppl > 15)", [True, False]),
    ],
)
def test_formulas_do_arithmetic_logarithms_and_comparisons(formula, expected):
    np.testing.assert_allclose(evaluate(formula, COLUMNS), expected)


def test_what_overflows_or_divides_by_zero_is_infinite():
    assert np.isinf(evaluate("1/0", COLUMNS))
    assert np.isinf(evaluate("10**400", COLUMNS))
    assert np.isinf(evaluate("1" + "0" * 400, COLUMNS))


@pytest.mark.parametrize(
    "formula", ["log(ppl, 2)", "open('f')", "np.log(ppl)", "log(base=ppl)", "ppl[0]", "(lambda: 1)()", "max(ppl)"]
)
def test_no_other_function_is_called(formula):
    with pytest.raises((ConfigError, UnknownNameError)):
        evaluate(formula, COLUMNS)


@pytest.mark.parametrize("formula", ["log(router)", "router * 2", "-" * 5000 + "1", "(" * 5000 + "1" + ")" * 5000])
def test_what_cannot_be_evaluated_is_one_short_line(formula):
    with pytest.raises((ConfigError, UnknownNameError)) as refused:
        evaluate(formula, COLUMNS)
    assert len(str(refused.value)) < 300
