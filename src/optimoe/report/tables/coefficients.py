"""The coefficients of a fit as a table for a paper or a spreadsheet: LaTeX and CSV."""

import csv
import io
from collections.abc import Mapping
from math import floor, inf, isinf, log10

from optimoe.laws.fitting import Fit, Interval

GREEK = ("alpha", "beta", "gamma", "delta", "epsilon", "zeta", "lambda", "mu", "nu", "omega", "rho", "sigma")
DIGITS = 2
"""Digits of a coefficient beyond the first that its interval leaves open: more would claim what is not known."""
PLAIN_DIGITS = 5
"""Digits of a coefficient without an interval."""


def coefficients_csv(fitted: Fit, intervals: Mapping[str, Interval]) -> str:
    """CSV, one row a coefficient: symbol, value, interval, standard error, and why there is no interval."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("coefficient", "value", "low", "high", "std_error", "level", "remark"))
    for symbol, value in fitted.coefficients.items():
        interval = intervals.get(symbol)
        ends = (interval.low, interval.high, interval.std_error, interval.level) if interval else ("",) * 4
        writer.writerow((symbol, repr(value), *ends, fitted.unidentified.get(symbol, "")))
    return text.getvalue()


def coefficients_latex(fitted: Fit, intervals: Mapping[str, Interval]) -> str:
    """A LaTeX ``tabular`` of the coefficients with their intervals, and what was fitted as comments."""
    level = next((rf"{100 * interval.level:g}\% interval" for interval in intervals.values()), "")
    lines = [
        f"% family {fitted.law.family}, {fitted.verdict.replace('_', ' ')}, {fitted.runs} runs",
        f"% {fitted.objective_name}, rmse of ln L {fitted.rmse_log:.4g}",
        r"\begin{tabular}{lrl}",
        r"\hline",
        rf"Coefficient & Value & {level} \\",
        r"\hline",
    ]
    for symbol, value in fitted.coefficients.items():
        interval = intervals.get(symbol)
        if interval is None:
            remark = "not identified" if symbol in fitted.unidentified else ""
            remark = "fixed" if symbol in fitted.options.fixed else remark
            lines.append(rf"{_symbol(symbol)} & {_number(value, PLAIN_DIGITS)} & {remark} \\")
            continue
        digits = _digits(value, interval.high - interval.low)
        ends = f"{_number(interval.low, digits)} to {_number(interval.high, digits)}"
        lines.append(rf"{_symbol(symbol)} & {_number(value, digits)} & {ends} \\")
    return "\n".join([*lines, r"\hline", r"\end{tabular}", ""])


def _digits(value: float, width: float) -> int:
    """Significant digits that the width of an interval leaves."""
    if not value or not 0 < width < inf:
        return PLAIN_DIGITS
    return max(DIGITS, floor(log10(abs(value))) - floor(log10(width)) + DIGITS)


def _number(value: float, digits: int) -> str:
    """A number in LaTeX, powers of ten written out."""
    if isinf(value):
        return r"$\infty$" if value > 0 else r"$-\infty$"
    mantissa, exponent, power = f"{value:#.{digits}g}".partition("e")
    mantissa = mantissa.removesuffix(".")
    return rf"${mantissa} \times 10^{{{int(power)}}}$" if exponent else f"${mantissa}$"


def _symbol(symbol: str) -> str:
    """A coefficient's symbol in LaTeX: Greek letters by name, the rest after an underscore as index."""
    name, _, index = symbol.strip("_").partition("_")
    head = rf"\{name}" if name in GREEK else name if len(name) == 1 else rf"\mathrm{{{name}}}"
    return f"${head}_{{\\mathrm{{{index}}}}}$" if index else f"${head}$"
