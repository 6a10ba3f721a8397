"""The law library: published laws by name, and the law files of users."""

import math
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from optimoe.core.config import build, load_facts, load_toml
from optimoe.core.errors import ConfigError, UnknownNameError, require
from optimoe.laws.families.clark import Clark, ClarkCompute
from optimoe.laws.families.dense import Chinchilla, Liew, LiewUpcycled
from optimoe.laws.families.forms import LiLoss, Wang, Yun
from optimoe.laws.families.joint import Joint
from optimoe.laws.families.kaplan import Kaplan, KaplanSteps, PowerOfCompute, PowerOfParams, PowerOfTokens
from optimoe.laws.families.krajewski import Krajewski
from optimoe.laws.families.sparse import Abnar, Zhao
from optimoe.laws.law import Law, LawRow
from optimoe.laws.loss_law import LossLaw
from optimoe.laws.rules.allocation import (
    Allocation,
    AllocationExponents,
    JointPeakRate,
    KaplanFrontier,
    LogRate,
)
from optimoe.laws.rules.expert_attention_ratio import ExpertAttention
from optimoe.laws.rules.flops import FlopAccounting
from optimoe.laws.rules.leverage import Hyperparameters, Leverage
from optimoe.laws.rules.lifetime import LifetimeObjective
from optimoe.laws.rules.serving import ServingFacts

LOSSES: tuple[type[Law], ...] = (
    *(Chinchilla, Kaplan, KaplanSteps, PowerOfParams, PowerOfTokens, PowerOfCompute),
    *(Clark, ClarkCompute, Krajewski, Joint, Abnar, Zhao, Wang, Yun, LiLoss, Liew, LiewUpcycled),
)
RULES: tuple[type[Law], ...] = (
    *(FlopAccounting, LifetimeObjective, Leverage, Hyperparameters, Allocation, AllocationExponents),
    *(KaplanFrontier, JointPeakRate, LogRate, ExpertAttention, ServingFacts),
)
FAMILIES: dict[str, type[Law]] = {law.family: law for law in LOSSES + RULES}

_FACTS = "optimoe.laws"


def law_names() -> tuple[str, ...]:
    """The published laws, paper by paper."""
    return tuple(_published())


def published_checks() -> list[dict[str, Any]]:
    """Check-values of the published laws: outputs with their sources and tolerances."""
    return [row for paper in _papers() for row in paper.get("check", [])]


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
    if name not in _published():
        raise UnknownNameError("law", name, law_names())
    return _make(_published()[name], where=name)


def find_loss_law(name: str) -> LossLaw:
    """A law that gives a loss for an architecture, and may be used for predictions.

    Raises:
        UnknownNameError: No such law.
        ConfigError: It gives no loss for an architecture and any number of tokens.
        InputError: It is inconsistent as printed, or has no published coefficients.
    """
    law = find_law(name)
    law.require_consistent()
    if not isinstance(law, LossLaw):
        raise ConfigError(
            f"law: must give a loss for an architecture and its tokens, got {name} (family {law.family})"
        )
    law.require_usable()
    return law


def _make(row: dict[str, Any], where: str) -> Law:
    law_row = build(LawRow, row, where=f"law {where}")
    for symbol, value in law_row.coefficients.items():
        number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        require(number, f"law {where}: coefficient {symbol}", "a finite number", value)
    if law_row.family not in FAMILIES:
        raise UnknownNameError(f"law {where}: family", law_row.family, FAMILIES)
    return FAMILIES[law_row.family](law_row, find_law)


@cache
def _published() -> dict[str, dict[str, Any]]:
    return {row["name"]: row for paper in _papers() for row in paper["law"]}


def _papers() -> Iterable[dict[str, Any]]:
    folder = files(_FACTS).joinpath("data", "published")
    names = sorted(file.name for file in folder.iterdir() if file.name.endswith(".toml"))
    return [load_facts(_FACTS, f"published/{name}") for name in names]
