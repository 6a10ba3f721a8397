"""Prices of GPU hours, and seconds into dollars."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from optimoe.core.arrays import Values
from optimoe.core.config import build, load_facts, load_toml
from optimoe.core.errors import ConfigError, InputError, UnknownNameError, require
from optimoe.core.provenance import Basis
from optimoe.core.units import SECONDS_PER_HOUR, TOKENS_PER_MTOK
from optimoe.cost.hardware.accelerator import MEMORY, accelerator_key, accelerator_names


@dataclass(frozen=True, kw_only=True)
class GpuPrice:
    """Dollars of one GPU for one hour.

    Attributes:
        usd_per_gpu_hour: The price used; NaN when none is known.
        low, high: Range over the providers; the price itself when a user gave it.
        source: Providers, or the option.

    Raises:
        ConfigError: The price is negative.
    """

    usd_per_gpu_hour: float
    low: float
    high: float
    basis: Basis
    source: str

    def __post_init__(self) -> None:
        require(not self.usd_per_gpu_hour < 0, "gpu_usd_per_hour", "zero or more", self.usd_per_gpu_hour)

    @property
    def usd_per_gpu_s(self) -> float:
        """Dollars of one GPU for one second."""
        return self.usd_per_gpu_hour / SECONDS_PER_HOUR


def given_price(usd_per_gpu_hour: float) -> GpuPrice:
    """A price that the user states.

    Raises:
        ConfigError: It is negative, infinite or no number.
    """
    require(0 <= usd_per_gpu_hour < math.inf, "gpu_usd_per_hour", "zero or more and finite", usd_per_gpu_hour)
    return GpuPrice(
        usd_per_gpu_hour=usd_per_gpu_hour,
        low=usd_per_gpu_hour,
        high=usd_per_gpu_hour,
        basis=Basis.ASSUMED,
        source="given by the user",
    )


def unknown_price() -> GpuPrice:
    """No price: every amount of dollars that follows from it is NaN."""
    nan = math.nan
    return GpuPrice(usd_per_gpu_hour=nan, low=nan, high=nan, basis=Basis.ASSUMED, source="not known")


@dataclass(frozen=True, kw_only=True)
class PriceRow:
    """One row of a price sheet.

    Attributes:
        accelerator: Name of an accelerator, in any case, with hyphens or underscores.
        usd_per_gpu_hour: The instance's price over its GPUs.
        provider, instance, source: Who says so.

    Raises:
        ConfigError: The price is negative or infinite, or no accelerator is named.
    """

    accelerator: str
    usd_per_gpu_hour: float
    provider: str = "own sheet"
    instance: str = ""
    source: str = ""

    def __post_init__(self) -> None:
        require(self.accelerator.strip(), "accelerator", "given", repr(self.accelerator))
        price = self.usd_per_gpu_hour
        require(0 <= price < math.inf, "usd_per_gpu_hour", "zero or more and finite", price)

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
    return _rows(load_toml(path), str(path))


def published_prices() -> tuple[PriceRow, ...]:
    """On-demand list prices of ``prices.toml``."""
    return _rows(load_facts("optimoe.cost", "prices.toml"), "prices.toml")


def list_price(accelerator: str, sheet: Sequence[PriceRow] = (), *, own: Iterable[str] = ()) -> GpuPrice:
    """The median of a sheet's prices where it has any, else of the providers' on-demand list prices.

    A sheet without a row for the accelerator is said in the price's ``source``.

    Args:
        accelerator: Its name.
        sheet: Rows of one's own price sheet.
        own: Further accelerators of one's own that the sheet may name; those named as files need no mention.

    Raises:
        InputError: No price is known for this accelerator.
        UnknownNameError: A row of the sheet names no accelerator that is known or in use; lists the nearest.
    """
    key = accelerator_key(accelerator)
    _require_known(sheet, {key, *map(accelerator_key, own), *accelerator_names()})
    stated = [row for row in sheet if row.key == key]
    rows = stated or [row for row in published_prices() if row.key == key]
    gap = sheet_gap(accelerator, sheet)
    if not rows:
        raise InputError(f"gpu price: no list price of {accelerator} is known{f', and {gap}' if gap else ''}")
    prices = [row.usd_per_gpu_hour for row in rows]
    kind = "given in a price sheet" if stated else "median of on-demand list prices"
    kind += f" of {key} with the memory that it has" if MEMORY in accelerator else ""
    named = ", ".join(f"{row.provider} {row.usd_per_gpu_hour:g}" for row in rows)
    return GpuPrice(
        usd_per_gpu_hour=median(prices),
        low=min(prices),
        high=max(prices),
        basis=Basis.ASSUMED if stated else Basis.PUBLISHED,
        source=f"{kind}{f' ({gap})' if gap else ''}: {named}",
    )


def sheet_gap(accelerator: str, sheet: Sequence[PriceRow]) -> str:
    """What to say of a price sheet without a row for an accelerator in use; empty where it has one or is none."""
    key = accelerator_key(accelerator)
    if not sheet or any(row.key == key for row in sheet):
        return ""
    return f"the price sheet has no row for {accelerator}"


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
