"""Prices of GPU hours, and seconds into dollars."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from statistics import median
from typing import Any, Literal, get_args

from optimoe.core.arrays import Values
from optimoe.core.config import build, load_facts, load_table
from optimoe.core.errors import ConfigError, InputError, UnknownNameError, require, require_choice
from optimoe.core.provenance import Basis
from optimoe.core.ranges import require_range
from optimoe.core.ranges.table import USD_PER_GPU_HOUR
from optimoe.core.units import SECONDS_PER_HOUR, TOKENS_PER_MTOK
from optimoe.cost.hardware.accelerator import MEMORY, accelerator_key, accelerator_names

Tier = Literal["on_demand", "reserved", "spot"]
"""How a GPU hour is bought: by the hour, for a term, or while nobody else wants it."""

ON_DEMAND: Tier = "on_demand"


@dataclass(frozen=True, kw_only=True)
class GpuPrice:
    """Dollars of one GPU for one hour.

    Attributes:
        usd_per_gpu_hour: The price used; NaN when none is known, 0 where the GPUs are one's own.
        low, high: Range over the providers; the price itself when a user gave it.
        source: Providers, or the option; why none is known.
        tier: How the hour is bought; empty where a user gave the price, or none is known.
        date: Month of the lists, or the first and the last of several; empty where they state none.

    Raises:
        ConfigError: The price is negative.
    """

    usd_per_gpu_hour: float
    low: float
    high: float
    basis: Basis
    source: str
    tier: str = ""
    date: str = ""

    def __post_init__(self) -> None:
        require(not self.usd_per_gpu_hour < 0, "gpu_usd_per_hour", "zero or more", self.usd_per_gpu_hour)

    @property
    def owned(self) -> bool:
        """Whether the GPUs cost nothing by the hour, so that no dollars are counted."""
        return self.usd_per_gpu_hour == 0

    @property
    def usd_per_gpu_s(self) -> float:
        """Dollars of one GPU for one second."""
        return self.usd_per_gpu_hour / SECONDS_PER_HOUR


def given_price(usd_per_gpu_hour: float) -> GpuPrice:
    """A price that the user states.

    Raises:
        ConfigError: It is out of the range of prices: negative, beyond what a GPU hour costs, or no number.
    """
    require_range(usd_per_gpu_hour, "gpu_usd_per_hour", USD_PER_GPU_HOUR)
    return GpuPrice(
        usd_per_gpu_hour=usd_per_gpu_hour,
        low=usd_per_gpu_hour,
        high=usd_per_gpu_hour,
        basis=Basis.ASSUMED,
        source="given by the user" if usd_per_gpu_hour else "owned GPUs: no dollars",
    )


def unknown_price(why: str = "not known") -> GpuPrice:
    """No price, and why: every amount of dollars that follows from it is NaN."""
    nan = math.nan
    return GpuPrice(usd_per_gpu_hour=nan, low=nan, high=nan, basis=Basis.ASSUMED, source=why)


def find_tier(name: str) -> Tier:
    """A tier by its name, in any case, with hyphens, underscores or spaces.

    Raises:
        UnknownNameError: No such tier; lists them.
    """
    key = "_".join(name.strip().lower().replace("-", "_").split())
    for tier in get_args(Tier):
        if key == tier:
            return tier
    raise UnknownNameError("price_tier", name, get_args(Tier))


@dataclass(frozen=True, kw_only=True)
class PriceRow:
    """One row of a price sheet.

    Attributes:
        accelerator: Name of an accelerator, in any case, with hyphens or underscores.
        usd_per_gpu_hour: The instance's price over its GPUs; 0 for GPUs of one's own.
        tier: How the hour is bought; a row without one stands for every tier.
        provider, instance, source: Who says so.
        date: Year and month of the list, such as ``2026-09``; empty where it is not known.

    Raises:
        ConfigError: The price is out of the range of prices, no accelerator is named, or the date is no month.
        UnknownNameError: There is no such tier.
    """

    accelerator: str
    usd_per_gpu_hour: float
    tier: str = ""
    provider: str = "own sheet"
    instance: str = ""
    date: str = ""
    source: str = ""

    def __post_init__(self) -> None:
        require(self.accelerator.strip(), "accelerator", "given", repr(self.accelerator))
        require_range(self.usd_per_gpu_hour, "usd_per_gpu_hour", USD_PER_GPU_HOUR)
        if self.tier:
            require_choice(self.tier, "tier", Tier)
        month = not self.date or re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", self.date)
        require(month, "date", "a month such as 2026-09", repr(self.date))

    @property
    def key(self) -> str:
        """The accelerator's name as tables spell it; that of a file of one's own, ``mine.toml``, is ``mine``."""
        return accelerator_key(self.accelerator.removesuffix(".toml"))


def load_prices(path: Path) -> tuple[PriceRow, ...]:
    """A price sheet of one's own: a TOML file of ``[[price]]`` rows.

    Raises:
        ConfigError: The file cannot be read, or a row is no price: names the file, the row and the field.
        UnknownNameError: A row has a field that is none of a price.
    """
    return _rows(load_table(path), str(path))


@cache
def published_prices() -> tuple[PriceRow, ...]:
    """List prices of ``prices.toml``, of every tier."""
    return _rows(load_facts("optimoe.cost", "prices.toml"), "prices.toml")


def list_price(
    accelerator: str, sheet: Sequence[PriceRow] = (), *, own: Iterable[str] = (), tier: Tier = ON_DEMAND
) -> GpuPrice:
    """The median of a sheet's prices where it has any, else of the providers' list prices of a tier.

    A tier is never made of another: an accelerator without a list price of it has none. A sheet without a row for
    the accelerator is said in the price's ``source``.

    Args:
        accelerator: Its name.
        sheet: Rows of one's own price sheet.
        own: Further accelerators of one's own that the sheet may name; those named as files need no mention.
        tier: How the hours are bought.

    Raises:
        InputError: No price of this tier is known for this accelerator; names the tiers of which one is.
        UnknownNameError: A row of the sheet names no accelerator that is known or in use; lists the nearest.
    """
    key = accelerator_key(accelerator)
    _require_known(sheet, {key, *map(accelerator_key, own), *accelerator_names()})
    stated = _priced(sheet, key, tier)
    rows = stated or _priced(published_prices(), key, tier)
    gap = sheet_gap(accelerator, sheet, tier)
    if not rows:
        raise InputError(f"gpu price: {_none_known(accelerator, tier)}{f', and {gap}' if gap else ''}")
    prices = [row.usd_per_gpu_hour for row in rows]
    kind = "given in a price sheet" if stated else f"median of {tier_words(tier)} list prices"
    kind += f" of {key} with the memory that it has" if MEMORY in accelerator else ""
    months = sorted({row.date for row in rows if row.date})
    date = " to ".join(dict.fromkeys((months[0], months[-1]))) if months else ""
    named = ", ".join(f"{row.provider} {row.usd_per_gpu_hour:g}" for row in rows)
    return GpuPrice(
        usd_per_gpu_hour=median(prices),
        low=min(prices),
        high=max(prices),
        basis=Basis.ASSUMED if stated else Basis.PUBLISHED,
        source=f"{kind}{f', {date}' if date else ''}{f' ({gap})' if gap else ''}: {named}",
        tier=tier,
        date=date,
    )


def tier_words(tier: str) -> str:
    """A tier as it stands in a sentence and on the command line: ``on-demand``."""
    return tier.replace("_", "-")


def priced_accelerators(sheet: Sequence[PriceRow] = (), tier: Tier = ON_DEMAND) -> tuple[str, ...]:
    """The accelerators that ship and have a price of a tier, in a sheet or in the lists, in their usual order."""
    priced = {row.key for row in (*sheet, *published_prices()) if row.tier in ("", tier)}
    return tuple(name for name in accelerator_names() if name in priced)


def sheet_gap(accelerator: str, sheet: Sequence[PriceRow], tier: Tier = ON_DEMAND) -> str:
    """What to say of a price sheet without a row for an accelerator in use; empty where it has one or is none."""
    key = accelerator_key(accelerator)
    if not sheet or _priced(sheet, key, tier):
        return ""
    of_tier = f"{tier_words(tier)} row" if any(row.key == key for row in sheet) else "row"
    return f"the price sheet has no {of_tier} for {accelerator}"


def _priced(rows: Iterable[PriceRow], key: str, tier: Tier) -> list[PriceRow]:
    """The rows of an accelerator that hold for a tier."""
    return [row for row in rows if row.key == key and row.tier in ("", tier)]


def _none_known(accelerator: str, tier: Tier) -> str:
    """That no list price of a tier is known, and which tiers have one."""
    key, lists = accelerator_key(accelerator), published_prices()
    others = {
        other: median(row.usd_per_gpu_hour for row in rows)
        for other in get_args(Tier)
        if (rows := _priced(lists, key, other))
    }
    if not others:
        return f"no list price of {accelerator} is known"
    there = ", ".join(f"{tier_words(other)} ${usd:.2f}" for other, usd in others.items())
    return f"no {tier_words(tier)} list price of {accelerator} is known, there is {there} (--price-tier)"


def _require_known(sheet: Sequence[PriceRow], known: set[str]) -> None:
    """Refuse a sheet with a name that would never be looked for."""
    for row in sheet:
        if row.key not in known and not row.accelerator.endswith(".toml"):
            raise UnknownNameError("price sheet: accelerator", row.accelerator, known)


def _rows(table: Mapping[str, Any], where: str) -> tuple[PriceRow, ...]:
    rows = table.get("price", [])
    if not rows or not isinstance(rows, list):
        raise ConfigError(f"{where}: must have [[price]] rows, has none")
    return tuple(build(PriceRow, row, where=f"{where}: price {number}") for number, row in enumerate(rows, 1))


def usd_per_mtok(num_gpus: float, price: GpuPrice, tokens_per_s: Values) -> Values:
    """Dollars per million tokens: GPUs · USD/s ÷ (tokens/s) · 10^6."""
    return num_gpus * price.usd_per_gpu_s / tokens_per_s * TOKENS_PER_MTOK
