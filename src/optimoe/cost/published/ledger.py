"""The claims of texts on cost: rows of a file, and the printed check-values of their models."""

from functools import cache

from optimoe.core.claims import Asked, CheckRow, ClaimRow, ClaimText, Range, Reproduction, check_claim, run_claim
from optimoe.core.config import build, load_facts
from optimoe.core.errors import UnknownNameError
from optimoe.cost.published.catalog import find_cost_model, published_cost_checks


@cache
def cost_texts() -> dict[str, ClaimText]:
    """Every text on cost with printed numbers, by key."""
    rows = load_facts("optimoe.cost", "claims.toml")["text"]
    return {row["text"]: build(ClaimText, row, where="claims.toml") for row in rows}


def cost_claims(text: str) -> tuple[ClaimRow, ...]:
    """The claims of a text: those of the file, then the check-values of its models that say how they are printed.

    Raises:
        UnknownNameError: A text without claims on cost.
    """
    if text not in cost_texts():
        raise UnknownNameError("text", text, cost_texts())
    rows = [
        build(ClaimRow, row, where="claims.toml") for row in load_facts("optimoe.cost", "claims.toml")["claim"]
    ]
    checks = [build(CheckRow, row, where="published cost checks") for row in published_cost_checks()]
    own = [row for row in checks if row.printed and row.law.startswith(text)]
    return (*(row for row in rows if row.text == text), *(check_claim(row, text) for row in own))


def reproduce_costs(text: str) -> list[Reproduction]:
    """Every claim of a text on cost beside our own number.

    Raises:
        UnknownNameError: A text without claims on cost.
    """
    return [run_claim(row, _computed) for row in cost_claims(text)]


def _computed(asked: Asked) -> Range:
    inputs = {name: value if isinstance(value, str) else float(value) for name, value in asked.inputs.items()}
    value = float(find_cost_model(asked.law).evaluate(asked.output, inputs))
    return value, value
