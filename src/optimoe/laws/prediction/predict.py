"""One output of a law with its unit, its band, and where its variables lie in what the law was fitted on."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from optimoe.laws.domain import ALIASES, Reach, reach
from optimoe.laws.law import Bound, Law
from optimoe.laws.prediction.units import unit_of
from optimoe.laws.terms.band import BAND_ENDS

BUDGETS = ("C", "F")
"""Symbols of training budgets, of which an optimum follows."""

STANDS_FOR = {"1-S": ("S", "E", "E_active", "k", "n_shared"), "D_over_N": ("D", "N")}
"""Inputs that a range bounds under another symbol: what of the experts is active, and tokens per parameter."""

OPTIMUM, AT_GRANULARITY = "_opt", "_at_G"
"""Ends of the symbols of an optimum's own size, tokens and loss."""


@dataclass(frozen=True, kw_only=True)
class LawPrediction:
    """One output of a law, with what is known of it.

    Attributes:
        output: Its symbol.
        value: What it is.
        unit: Its unit; empty where neither the law nor its name says it.
        meaning: What it stands for, in the law's words.
        low, high: 90 % of it; NaN where nothing is known.
        band: What the ends come from.
        bound: Whether it is the end of a search and no best value.
        reach: Where its variables lie in what the law was fitted on.
    """

    output: str
    value: Any
    unit: str
    meaning: str
    low: Any = np.nan
    high: Any = np.nan
    band: str = "not known: neither a scatter nor draws of the coefficients are"
    bound: Bound = ""
    reach: Reach


def predict(law: Law, symbol: str, inputs: Mapping[str, Any]) -> LawPrediction:
    """One output in the law's own variables.

    The band of a loss is that of :meth:`Law.loss_and_band`; of another output it holds 90 % of the draws.

    Raises:
        UnknownNameError: No such output or input.
        ConfigError: An input is missing or outside its domain.
        InputError: The law is inconsistent as printed, or has no such number there.
    """
    known: dict[str, Any] = {}
    if symbol == "L":
        value, low, high = law.loss_and_band(inputs)
        words = "90 %, by its scatter" + (" and draws" if law.row.draws else "")
        known = {} if np.isnan(low) else {"low": low, "high": high, "band": words}
    else:
        value, many = law.evaluate(symbol, inputs), law.with_draws()
        if many is not None:
            low, high = np.quantile(np.asarray(many.evaluate(symbol, inputs)), BAND_ENDS)
            known = {"low": low, "high": high, "band": "90 % of its draws, without the scatter of runs"}
    return LawPrediction(
        output=symbol,
        value=value,
        unit=unit_of(symbol, law.row.units),
        meaning=law.meaning(symbol),
        bound=law.bound_of(symbol, value),
        reach=reach_of(law, symbol, inputs, value),
        **known,
    )


def reach_of(law: Law, symbol: str, inputs: Mapping[str, Any], value: Any) -> Reach:
    """Where numbers in a law's own variables, and what comes out, lie in the fitted range.

    Of an optimum its own size and tokens are placed too: a budget has a range in few papers.
    """
    given = {name: number for name, number in inputs.items() if not isinstance(number, str | bool)}
    optimum = _optimum(law, symbol, given)
    unstated = tuple(name for name in unstated_inputs(law, given) if not (optimum and name in BUDGETS))
    return reach({**optimum, **law.placed_inputs(given), symbol: value}, law.row.range, unstated)


def unstated_inputs(law: Law, given: Mapping[str, Any]) -> tuple[str, ...]:
    """Inputs that neither a law's range nor its domain bounds, by themselves or by what they stand for."""
    bounded = {alias for trait, alias in ALIASES.items() if getattr(law.row.domain, trait)} | law.row.range.keys()
    bounded |= {name for ranged, names in STANDS_FOR.items() if ranged in law.row.range for name in names}
    return tuple(name for name in given if name not in bounded)


def _optimum(law: Law, symbol: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Size, tokens and granularity at the optimum of a budget, by the symbols of the law's range."""
    end = AT_GRANULARITY if symbol.endswith(AT_GRANULARITY) else OPTIMUM
    found: dict[str, Any] = {}
    for output, needed in law.outputs.items():
        stem = output.removesuffix(end)
        name = next((ranged for ranged in (stem, f"{stem}_act") if ranged in law.row.range), "")
        if not (output.endswith(end) and name and set(BUDGETS) & given.keys() & set(needed)):
            continue
        if set(law.required(output)) <= given.keys():
            found[name] = law.evaluate(output, {one: number for one, number in given.items() if one in needed})
    return found
