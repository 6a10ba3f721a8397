"""How far an output moves within the rounding of printed coefficients and inputs."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from optimoe.core.claims import Range, printed_range, printed_value
from optimoe.laws.catalog import find_law
from optimoe.laws.check import find_opted_in


@dataclass(frozen=True)
class Digits:
    """Coefficients with their digits as printed, by law: a number 0.5 does not say whether 0.50 is printed."""

    by_law: Mapping[str, Mapping[str, str]]

    def of(self, law: str) -> Mapping[str, str]:
        """The printed coefficients of a law, none where its text gives no digits."""
        return self.by_law.get(law, {})


def output_in_rounding(
    law: str, output: str, inputs: Mapping[str, Any], coefficients: Mapping[str, str], rounded: Mapping[str, str]
) -> Range:
    """Lowest and highest output at the corners of the box of what rounds to the printed numbers.

    The two corners are those to which each number alone moves the output up, and down: right where the output is
    monotone in each over so small a box.

    Args:
        law: Name of the law.
        output: Symbol of the output.
        inputs: Its inputs.
        coefficients: Coefficients of the law that are rounded, as printed.
        rounded: Inputs that are rounded, as printed.
    """
    found = find_opted_in(law)
    own = {f"c {name}": float(found.coefficients[name]) for name in coefficients}
    given = {f"i {name}": printed_value(printed) for name, printed in rounded.items()}
    ends = {f"c {name}": printed_range(printed) for name, printed in coefficients.items()}
    ends |= {f"i {name}": printed_range(printed) for name, printed in rounded.items()}

    def at(values: Mapping[str, float]) -> float:
        changed = dict(found.coefficients) | {name[2:]: x for name, x in values.items() if name[0] == "c"}
        moved = type(found)(found.row.with_coefficients(changed), find_law).allow_inconsistent()
        others = {name[2:]: x for name, x in values.items() if name[0] == "i"}
        return float(moved.evaluate(output, dict(inputs) | others))

    centre = own | given
    middle = at(centre)
    up, down = dict(centre), dict(centre)
    for name, (low, high) in ends.items():
        up[name], down[name] = (high, low) if at(centre | {name: high}) >= middle else (low, high)
    values = (middle, at(up), at(down))
    return min(values), max(values)
