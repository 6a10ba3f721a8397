"""What computes a claim: an output of a law, its rounding, plain arithmetic, a refit."""

import math
from collections.abc import Callable, Mapping
from typing import Any

from optimoe.core.claims import Asked, Range
from optimoe.core.errors import UnknownNameError
from optimoe.core.formulas import evaluate
from optimoe.laws.check import find_opted_in
from optimoe.laws.published import gemstones, refits, statements
from optimoe.laws.published.rounding import Digits, output_in_rounding


def computed(asked: Asked, digits: Digits) -> Range:
    """Compute what a claim asks for.

    Args:
        asked: The law, what computes it, and its inputs.
        digits: Printed coefficients of the text's laws.

    Raises:
        UnknownNameError: Nothing of that name computes a claim.
        DataSetError: It needs a data set that is not at hand.
    """
    if asked.compute == "rounding":
        return _rounding(asked, digits)
    if asked.compute not in NUMBERS:
        raise UnknownNameError("compute", asked.compute, (*NUMBERS, "rounding"))
    number = NUMBERS[asked.compute](asked)
    return number if isinstance(number, tuple) else (float(number), float(number))


def _output(asked: Asked) -> float:
    return float(find_opted_in(asked.law).evaluate(asked.output, _numbers(asked.inputs)))


def _ratio(asked: Asked) -> float:
    """An output at the inputs ``of`` over the same at the inputs ``to``; the other inputs are common."""
    law, of, to = find_opted_in(asked.law), asked.inputs["of"], asked.inputs["to"]
    common = {name: value for name, value in asked.inputs.items() if name not in ("of", "to")}
    first, second = (float(law.evaluate(asked.output, _numbers(common | each))) for each in (of, to))
    return first / second


def _quotient(asked: Asked) -> float:
    """An output over another one of the same law (``over``), at the same inputs."""
    inputs = {name: value for name, value in asked.inputs.items() if name != "over"}
    law = find_opted_in(asked.law)
    first, second = (law.evaluate(name, _numbers(inputs)) for name in (asked.output, asked.inputs["over"]))
    return float(first / second)


def _arithmetic(asked: Asked) -> float:
    """A formula of numbers that the text itself prints."""
    return float(evaluate(asked.output, _numbers(asked.inputs)))


def _truncated(asked: Asked) -> float:
    """An output with so many decimals (``decimals``), the others cut off and not rounded."""
    unit = 10.0 ** int(asked.inputs["decimals"])
    others = {name: value for name, value in asked.inputs.items() if name != "decimals"}
    return math.trunc(float(find_opted_in(asked.law).evaluate(asked.output, _numbers(others))) * unit) / unit


def _rounding(asked: Asked, digits: Digits) -> Range:
    inputs = dict(asked.inputs)
    rounded, coefficients = inputs.pop("rounded", {}), inputs.pop("coefficients", True)
    own = digits.of(asked.law) if coefficients else {}
    return output_in_rounding(asked.law, asked.output, _numbers(inputs), own, rounded)


def _numbers(inputs: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value if isinstance(value, str | bool) else float(value) for name, value in inputs.items()}


NUMBERS: dict[str, Callable[[Asked], float | Range]] = {
    "output": _output,
    "ratio": _ratio,
    "quotient": _quotient,
    "arithmetic": _arithmetic,
    "truncated": _truncated,
    "chinchilla_refit": refits.chinchilla_refit,
    "chinchilla_error": refits.chinchilla_error,
    "clark_refit": refits.clark_refit,
    "clark_largest_step": statements.clark_largest_step,
    "gemstones_objective": gemstones.objective,
    "gemstones_refit": gemstones.refit,
    "li_rederived": statements.li_rederived,
    "li_range": statements.li_range,
    "li_values": statements.li_values,
    "abnar_best_active_share": statements.abnar_best_active_share,
}
"""By name, what computes a claim."""
