"""What no law can be: signs, ranges, scatter and draws that are impossible, and losses that are none."""

import inspect
import math
from collections.abc import Mapping
from itertools import product
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from optimoe.core.errors import ConfigError, require, require_choice, shown
from optimoe.laws.catalog.classes import class_of
from optimoe.laws.law import Law, LawRow, Sign
from optimoe.laws.loss_law import ArchLaw, LossLaw
from optimoe.laws.runs.checks import LARGEST_LOSS
from optimoe.laws.terms.sizes import UNSTATED

OF_FILES = ("fitted", "form-only")
"""Statuses of law files. One that calls itself inconsistent is refused: it must not be planned with as a fit."""

SIGNS: dict[Sign, Any] = {
    "positive": lambda value: value > 0,
    "zero or more": lambda value: value >= 0,
    "negative": lambda value: value < 0,
    "zero or less": lambda value: value <= 0,
}

BOX = {"N": (1e7, 1e11), "D": (1e9, 1e13)}
"""Sizes and tokens at which a loss is asked for where its range is not stated: runs from one GPU to a lab."""
INSIDE = {"share": (0.0, 0.9), "count": (1.0, 64.0)}
"""The same for shares and counts: the laws of the library were fitted on no more."""
TENFOLD = 10.0
LOWEST_SHARE = 1e-3
"""Of the upper end: the lower end of a range that starts at zero (nobody stated it)."""


def signs_of(law_class: type[Law]) -> dict[str, Sign]:
    """What each coefficient of a family must be: as it declares, else as the bounds of its fits say."""
    form = law_class.fit_form
    signs: dict[str, Sign] = {}
    for symbol, (low, high) in (form.bounds if form else {}).items():
        if low >= 0:
            signs[symbol] = "positive" if low > 0 else "zero or more"
        elif high <= 0:
            signs[symbol] = "negative" if high < 0 else "zero or less"
    return signs | dict(law_class.signs)


def require_possible(row: LawRow, law_class: type[Law], where: str) -> None:
    """Refuse a row of a law file that no fit could have written.

    Args:
        row: The row.
        law_class: Its family.
        where: What it is, for the error line.

    Raises:
        ConfigError: In one line: the file, the field, its limit and its value.
        UnknownNameError: N counts what the family cannot count; lists what it can.
    """
    require(row.status in OF_FILES, f"{where}: status", f"{' or '.join(OF_FILES)} in a law file", row.status)
    if issubclass(law_class, ArchLaw) and law_class.sizes and row.n_convention not in ("", UNSTATED):
        require_choice(row.n_convention, f"{where}: n_convention", law_class.sizes)
    readings = law_class.readings if issubclass(law_class, ArchLaw) else ()
    known = row.domain.mapping in ("none", *readings)
    require(known, f"{where}: domain: mapping", " or ".join(("none", *readings)), row.domain.mapping)
    _require_coefficients(row, law_class, where)
    _require_draws(row, law_class, where)
    for symbol, (low, high) in row.range.items():
        ordered = 0 <= low <= high < math.inf and high > 0
        require(
            ordered, f"{where}: range {shown(symbol)}", "[low, high], ordered, finite, not [0, 0]", [low, high]
        )
    require(0 <= row.rmse_log < math.inf, f"{where}: rmse_log", "zero or more and finite", row.rmse_log)
    if row.coefficients:
        _require_loss(row, law_class, where)


def _require_coefficients(row: LawRow, law_class: type[Law], where: str) -> None:
    for symbol, value in row.coefficients.items():
        number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        require(number, f"{where}: coefficient {shown(symbol)}", "a finite number", value)
    if row.status != "form-only" or row.coefficients:
        for symbol in law_class.free:
            require(symbol in row.coefficients, f"{where}: coefficient {symbol}", "given", "none")
    _require_signs(row.coefficients, law_class, where)


def _require_signs(coefficients: Mapping[str, Any], law_class: type[Law], where: str) -> None:
    """Refuse a coefficient, or one of many, that is of the wrong sign, or a start above its end."""
    for symbol, sign in signs_of(law_class).items():
        values = np.asarray(coefficients.get(symbol, ()), dtype=float)
        wrong = values[~SIGNS[sign](values)]
        require(not wrong.size, f"{where}: coefficient {symbol}", sign, wrong.flat[0] if wrong.size else "")
    if {"E_start", "E_max"} <= set(law_class.free) & set(coefficients):
        start, most = np.broadcast_arrays(coefficients["E_start"], coefficients["E_max"])
        above = np.flatnonzero(start > most)
        if above.size:
            raise ConfigError(
                f"{where}: coefficient E_start: must be at most E_max = {most.flat[above[0]]:g}, got "
                f"{start.flat[above[0]]:g}"
            )


def possible_draws(row: LawRow, columns: Mapping[str, Float[np.ndarray, " draws"]]) -> Bool[np.ndarray, " draws"]:
    """Which draws of a law's coefficients are finite and of the signs that its family asks for.

    Args:
        row: The law, with its family.
        columns: By coefficient, one value a draw.
    """
    law_class = class_of(row.family, row.name)
    drawn = {**row.coefficients, **columns}
    kept = np.all([np.isfinite(values) for values in columns.values()], axis=0)
    for symbol, sign in signs_of(law_class).items():
        if symbol in drawn:
            kept = kept & SIGNS[sign](np.asarray(drawn[symbol]))
    if {"E_start", "E_max"} <= set(law_class.free) & set(drawn):
        kept = kept & (np.asarray(drawn["E_start"]) <= np.asarray(drawn["E_max"]))
    return np.asarray(kept)


def _require_draws(row: LawRow, law_class: type[Law], where: str) -> None:
    lengths = {symbol: len(values) for symbol, values in row.draws.items()}
    most = max(lengths.values(), default=0)
    for symbol, values in row.draws.items():
        field = f"{where}: draws of {shown(symbol, 20)}"
        require(
            symbol in row.coefficients,
            field,
            f"of a coefficient ({shown(', '.join(row.coefficients))})",
            shown(symbol),
        )
        require(lengths[symbol] >= 2, field, "at least 2", lengths[symbol])
        require(lengths[symbol] == most, field, f"as many as the others ({most})", lengths[symbol])
        strange = [value for value in values if not math.isfinite(value)]
        require(not strange, field, "finite numbers", strange[:1])
    if row.draws:
        _require_signs({**row.coefficients, **row.draws}, law_class, f"{where}: draws")


def _require_loss(row: LawRow, law_class: type[Law], where: str) -> None:
    """Ask for losses over the fitted range: real, positive, and lower after ten times the tokens.

    Raises:
        ConfigError: One is not.
    """
    law, places = law_class(row), _places(row, law_class)
    for inputs in places:
        loss, place = _loss_at(law, inputs, where), _words(inputs)
        require(_is_loss(loss), f"{where}: its loss", f"positive and finite at {place}", loss)
        if isinstance(law, LossLaw) and "D" in inputs:
            longer = inputs | {"D": TENFOLD * inputs["D"]}
            later, limit = _loss_at(law, longer, where), f"at most {loss:g} (that at {place}) at {_words(longer)}"
            require(_is_loss(later) and later <= loss, f"{where}: its loss", limit, later)
    if places:  # a table of runs is refused where half of its losses are higher: these would be the law's own
        middle = places[len(places) // 2]
        loss, limit = _loss_at(law, middle, where), f"at most {LARGEST_LOSS:g} nats at {_words(middle)}"
        require(loss <= LARGEST_LOSS, f"{where}: its loss", limit, loss)


def _places(row: LawRow, law_class: type[Law]) -> list[dict[str, float]]:
    """Inputs of the loss at the ends and in the middle of the fitted range; none where some cannot be guessed.

    Sizes go together (an active size above a total one is no design), every other variable on its own.
    """
    method = getattr(law_class, "loss", None)
    parameters = list(inspect.signature(method).parameters.values())[1:] if callable(method) else []
    boxes = {
        parameter.name: _box(parameter.name, row, law_class)
        for parameter in parameters
        if parameter.default is inspect.Parameter.empty
    }
    if any(box is None for box in boxes.values()) or not boxes:
        return []
    points = {
        symbol: (box[0], (box[0] * box[1]) ** 0.5 if box[0] else box[1] / 2, box[1])
        for symbol, box in boxes.items()
        if box
    }
    sizes = [symbol for symbol in points if symbol.startswith("N")]
    others = [symbol for symbol in points if symbol not in sizes]
    return [
        {symbol: points[symbol][step] for symbol in sizes} | dict(zip(others, values, strict=True))
        for step in range(3)
        for values in product(*(points[symbol] for symbol in others))
    ]


def _box(symbol: str, row: LawRow, law_class: type[Law]) -> tuple[float, float] | None:
    """Between what a variable is probed: its fitted range, else what designs have; nothing for other variables."""
    kind = law_class.domain.get(symbol, "positive")
    if symbol in row.range:
        low, high = row.range[symbol]
        return (low, high) if low or kind == "share" or kind == "nonnegative" else (LOWEST_SHARE * high, high)
    return INSIDE.get(kind) or BOX.get(symbol[0]) if kind != "nonnegative" else None


def _words(inputs: Mapping[str, float]) -> str:
    return ", ".join(f"{symbol} = {value:.4g}" for symbol, value in inputs.items())


def _is_loss(value: Any) -> bool:
    return not isinstance(value, complex) and bool(np.isfinite(value)) and bool(value > 0)


def _loss_at(law: Any, inputs: Mapping[str, float], where: str) -> Any:
    try:
        with np.errstate(all="ignore"):
            return np.asarray(law.loss(**inputs))[()]
    except (ZeroDivisionError, OverflowError) as error:
        raise ConfigError(f"{where}: its loss cannot be evaluated with these coefficients ({error})") from None
