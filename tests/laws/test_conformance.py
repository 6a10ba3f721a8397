"""What every class of laws that can be fitted promises: a built-in one, and one in a file of the user's.

A new built-in law needs no line here: its coefficients are its published ones, and its designs are the usual ones.
"""

import inspect

import numpy as np
import pytest

from optimoe.core.errors import ConfigError, UnknownNameError
from optimoe.laws.catalog import FAMILIES, find_family, find_law, find_published_law
from optimoe.laws.fitting import FitOptions, LeastSquares, fit, save_law
from optimoe.laws.gradients import differences, gradient_of, require_true_gradient
from optimoe.laws.law import LawRow
from tests.laws.cases import FITTABLE, TRUTHS, spread

MY_LAW = """
import numpy as np

from optimoe.arch.params import count_params
from optimoe.laws.law import FLOOR, POSITIVE, FitForm, output
from optimoe.laws.loss_law import LossLaw, TokenCurve


class MyLaw(LossLaw):
    free = ("A", "alpha", "gamma", "B", "beta", "sigma")
    linear = ("A", "B", "sigma")
    fit_form = FitForm(
        grid={"alpha": (0.1, 0.3, 0.6), "gamma": (0.05, 0.2), "beta": (0.1, 0.3, 0.6)},
        bounds={"A": POSITIVE, "B": POSITIVE, "sigma": FLOOR, "alpha": (0.0, 3.0), "beta": (0.0, 3.0)},
    )
    domain = {"E": "count"}

    def variables(self, arch):
        return {"N": count_params(arch).total, "E": arch.moe.num_experts if arch.moe else 1}

    def curve(self, N, E):
        c = self.coefficients
        size = np.power(N, -c["alpha"], dtype=float) * np.power(E, -c["gamma"], dtype=float)
        return TokenCurve(floor=c["sigma"] + c["A"] * size, scale=c["B"], exponent=-c["beta"])

    @output("L")
    def loss(self, N, D, E):
        return self.curve(N=N, E=E).loss(D)
"""
"""Wang's form, without a gradient: the built-in class is the reference."""

FALLS_IN = {"N", "N1", "N_act", "F_tflop", "D", "D2", "C_pfdays", "S1", "S2"}
"""Sizes, tokens, compute and areas of schedules: by the symbols of the papers."""


def put(folder, text=MY_LAW):
    file = folder / "my_law.py"
    file.write_text(text)
    return f"{file}:MyLaw"


@pytest.fixture(params=[*FITTABLE, "my_law.py:MyLaw"])
def family(request, tmp_path):
    return put(tmp_path) if request.param not in FAMILIES else request.param


@pytest.fixture
def truth(family):
    return TRUTHS.get(family, TRUTHS["wang"])


@pytest.fixture
def law(family, truth):
    row = LawRow(
        name="truth", family=family, source="", status="fitted", n_convention="", coefficients=dict(truth)
    )
    return find_family(family)(row)


@pytest.fixture
def designs(law):
    designs = spread(law, 20, np.random.default_rng(5))
    if "N" in designs and "E" in designs:
        designs["N"] = np.minimum(designs["N"], 1e10)  # Clark's laws fall in N below their cut-off only
    return designs


def test_loss_falls_in_size_and_data(law, designs):
    falling = FALLS_IN & set(designs)
    assert falling
    for symbol in falling:
        further = designs | {symbol: designs[symbol] * 1.5}
        assert (np.asarray(law.loss(**further)) < np.asarray(law.loss(**designs))).all(), symbol


def test_gradient_is_that_of_differences(law, designs):
    gradient, expected = gradient_of(law, designs), differences(law, designs)
    loss = np.asarray(law.loss(**designs))
    for name in law.free:
        size = max(abs(law.row.coefficients[name]), 1e-4)
        given = np.broadcast_to(gradient[name], loss.shape)
        np.testing.assert_allclose(expected[name], given, rtol=1e-7, atol=1e-11 * loss.max() / size, err_msg=name)
    require_true_gradient(law, designs)


def test_planted_coefficients_come_back(planted_form, law, family, truth):
    fitted = fit(planted_form(family, truth, runs=100), family, FitOptions(objective=LeastSquares()))
    assert fitted.verdict == "sound"
    assert fitted.coefficients == pytest.approx({name: truth[name] for name in law.free}, rel=1e-6)
    assert fitted.law.name == f"{family.split(':')[-1]}-fit"


def test_a_law_file_gives_the_same_losses(law, designs, tmp_path):
    save_law(law.row, tmp_path / "mine.toml")
    again = find_law(str(tmp_path / "mine.toml"))
    assert type(again) is type(law)
    assert again.row.family == law.row.family
    np.testing.assert_array_equal(again.loss(**designs), law.loss(**designs))


def test_inputs_outside_the_domain_are_refused(law, designs):
    inputs = {symbol: float(column[0]) for symbol, column in designs.items()}
    assert law.evaluate("L", inputs) == law.loss(**inputs)
    needed = [
        name
        for name, parameter in inspect.signature(law.loss).parameters.items()
        if parameter.default is inspect.Parameter.empty
    ]
    for symbol in needed:
        for wrong in (-1.0, np.inf):
            with pytest.raises(ConfigError, match=f"{symbol}: must be"):
                law.evaluate("L", inputs | {symbol: wrong})
        with pytest.raises(ConfigError, match=f"needs {symbol}"):
            law.evaluate("L", {name: value for name, value in inputs.items() if name != symbol})
    with pytest.raises(UnknownNameError, match="input of L"):
        law.evaluate("L", inputs | {"no_such": 1.0})


def test_differences_take_columns_of_many_fits():
    wang = find_family("wang")
    factors = np.array([[0.9], [1.0], [1.2]])
    many = {name: value * factors for name, value in TRUTHS["wang"].items()}
    row = LawRow(name="w", family="wang", source="", status="fitted", n_convention="", coefficients=many)
    designs = spread(wang(row), 7, np.random.default_rng(1))
    for name, slope in differences(wang(row), designs).items():
        expected = np.broadcast_to(wang(row).gradient(**designs)[name], (3, 7))
        np.testing.assert_allclose(slope, expected, rtol=1e-7, atol=1e-11, err_msg=name)


def test_a_coefficient_at_zero_still_has_a_slope():
    wang = find_family("wang")
    row = LawRow(
        name="w",
        family="wang",
        source="",
        status="fitted",
        n_convention="",
        coefficients=TRUTHS["wang"] | {"sigma": 0.0, "gamma": 0.0},
    )
    designs = spread(wang(row), 7, np.random.default_rng(1))
    for name, slope in differences(wang(row), designs).items():
        np.testing.assert_allclose(slope, wang(row).gradient(**designs)[name], rtol=1e-6, atol=1e-9, err_msg=name)


WITH_GRADIENT = (
    MY_LAW
    + """
    def gradient(self, N, D, E):
        c = self.coefficients
        size = np.power(N, -c["alpha"], dtype=float) * np.power(E, -c["gamma"], dtype=float)
        data = np.power(D, -c["beta"], dtype=float)
        return {
            "A": size,
            "alpha": -c["A"] * np.log(N) * size,
            "gamma": -c["A"] * np.log(E) * size,
            "B": data,
            "beta": -c["B"] * np.log(D) * data,
            "sigma": np.ones_like(size),
        }
"""
)


def test_a_right_gradient_of_the_users_gives_the_same_fit(planted_form, tmp_path):
    runs, options = planted_form("wang", TRUTHS["wang"], runs=60), FitOptions(objective=LeastSquares())
    plain = fit(runs, put(tmp_path), options)
    (tmp_path / "other").mkdir()
    given = fit(runs, put(tmp_path / "other", WITH_GRADIENT), options)
    assert given.coefficients == pytest.approx(plain.coefficients, rel=1e-6)


@pytest.mark.parametrize(
    ("right", "wrong", "named"),
    [
        ('"alpha": -c["A"]', '"alpha": c["A"]', "gradient of alpha: must be dL/dalpha, -"),
        ("np.log(E) * size", "np.log2(E) * size", "gradient of gamma: must be dL/dgamma"),
        (
            '"sigma": np.ones_like(size)',
            '"sigma": np.zeros_like(size)',
            "gradient of sigma: must be dL/dsigma, 1 by",
        ),
        ('            "B": data,\n', "", "gradient: must be given for B too"),
    ],
)
def test_a_wrong_gradient_is_refused_with_the_coefficients_name(planted_form, tmp_path, right, wrong, named):
    assert right in WITH_GRADIENT
    with pytest.raises(ConfigError, match=named):
        fit(planted_form("wang", TRUTHS["wang"]), put(tmp_path, WITH_GRADIENT.replace(right, wrong)))


@pytest.mark.parametrize(
    ("right", "wrong", "named"),
    [
        ("def curve", "def curves", "MyLaw: lacks curve, which every LossLaw defines"),
        ('@output("L")', '@output("loss")', 'MyLaw: lacks a method loss that is marked @output\\("L"\\)'),
        (
            'free = ("A", "alpha", "gamma", "B", "beta", "sigma")',
            'free = "A"',
            "MyLaw.free: must be a tuple of names",
        ),
        (
            'linear = ("A", "B", "sigma")',
            'linear = ("A", "B", "F")',
            "MyLaw.linear: must be about coefficients.*got F",
        ),
        ('"beta": (0.1, 0.3, 0.6)}', '"bet": (0.1,)}', "MyLaw.fit_form: must be about coefficients.*got bet"),
        (
            'free = ("A", "alpha", "gamma", "B", "beta", "sigma")\n    linear = ("A", "B", "sigma")',
            "",
            "MyLaw.fit_form",
        ),
        ("class MyLaw(LossLaw):", "MyLaw = 3\nclass Other(LossLaw):", "MyLaw: must be a class of laws.*got 3"),
    ],
)
def test_a_class_that_lacks_something_is_refused_in_one_line(tmp_path, right, wrong, named):
    assert right in MY_LAW
    with pytest.raises(ConfigError, match=named) as refused:
        find_family(put(tmp_path, MY_LAW.replace(right, wrong)))
    assert "\n" not in str(refused.value)


def test_starts_that_are_missing_are_named(planted_form, tmp_path):
    text = MY_LAW.replace('"gamma": (0.05, 0.2), ', "")
    with pytest.raises(ConfigError, match=r"no starting values for gamma \(give fit_form.grid\)"):
        fit(planted_form("wang", TRUTHS["wang"]), put(tmp_path, text))


def test_a_law_file_and_its_class_move_together_and_not_apart(law, designs, tmp_path):
    if law.family in FAMILIES:
        return
    save_law(law.row, tmp_path / "mine.toml")
    assert 'family = "my_law.py:MyLaw"' in (tmp_path / "mine.toml").read_text()
    moved = tmp_path / "moved"
    moved.mkdir()
    for name in ("mine.toml", "my_law.py"):
        (tmp_path / name).rename(moved / name)
    np.testing.assert_array_equal(find_law(str(moved / "mine.toml")).loss(**designs), law.loss(**designs))
    (moved / "my_law.py").unlink()
    with pytest.raises(ConfigError, match=r"family my_law\.py:MyLaw: the Python file is gone"):
        find_law(str(moved / "mine.toml"))


def test_a_name_of_the_library_is_never_a_file(tmp_path):
    reference = put(tmp_path)
    for name in (reference, str(tmp_path / "mine.toml")):
        with pytest.raises(UnknownNameError, match="law"):
            find_published_law(name)
