"""The law library: published laws by name, and the law files of users."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from optimoe.core.config import build, load_facts, load_toml
from optimoe.core.errors import ConfigError, UnknownNameError
from optimoe.laws.base import Law, LawRow, LossLaw
from optimoe.laws.dense import Chinchilla, FlopAccounting
from optimoe.laws.lifetime import LifetimeObjective
from optimoe.laws.moe import Joint, JointPeakRate

FAMILIES: dict[str, type[Law]] = {
    law.family: law for law in (Chinchilla, FlopAccounting, Joint, JointPeakRate, LifetimeObjective)
}


def law_names() -> tuple[str, ...]:
    """The published laws, in the order of their file."""
    return tuple(row["name"] for row in _published()["law"])


def published_checks() -> list[dict[str, Any]]:
    """Check-values of the published laws: outputs with their sources and tolerances."""
    return list(_published()["check"])


def find_law(name: str) -> Law:
    """A law by name, or the one in a law file (``*.toml``).

    Raises:
        UnknownNameError: No such law, or a family that is not known.
        ConfigError: The law file does not describe one law.
    """
    if name.endswith(".toml"):
        rows = load_toml(Path(name)).get("law", [])
        if not isinstance(rows, list) or len(rows) != 1:
            raise ConfigError(f"{name}: must hold exactly one [[law]]")
        return _make(rows[0], where=name)
    for row in _published()["law"]:
        if row["name"] == name:
            return _make(row, where=name)
    raise UnknownNameError("law", name, law_names())


def find_loss_law(name: str) -> LossLaw:
    """A law that gives a loss for an architecture, and may be used for predictions.

    Raises:
        UnknownNameError: No such law.
        ConfigError: It gives no loss for an architecture.
        InputError: It is inconsistent as printed, or has no published coefficients.
    """
    law = find_law(name)
    if not isinstance(law, LossLaw):
        raise ConfigError(f"law: must give a loss for an architecture, got {name} (family {law.family})")
    law.require_usable()
    return law


def _make(row: dict[str, Any], where: str) -> Law:
    law_row = build(LawRow, row, where=f"law {where}")
    if law_row.family not in FAMILIES:
        raise UnknownNameError(f"law {where}: family", law_row.family, FAMILIES)
    family = FAMILIES[law_row.family]
    return LifetimeObjective(law_row, find_law) if family is LifetimeObjective else family(law_row)


def _published() -> dict[str, Iterable[dict[str, Any]]]:
    return load_facts("optimoe.laws", "published.toml")
