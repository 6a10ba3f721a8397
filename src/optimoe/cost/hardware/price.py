"""Prices of GPU hours, and seconds into dollars."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from optimoe.core.arrays import Values
from optimoe.core.config import build, load_facts, load_toml
from optimoe.core.errors import ConfigError, InputError, require
from optimoe.core.provenance import Basis
from optimoe.core.units import SECONDS_PER_HOUR, TOKENS_PER_MTOK


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
    """A price that the user states."""
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
        accelerator: By its name here.
        usd_per_gpu_hour: The instance's price over its GPUs.
        provider, instance, source: Who says so.

    Raises:
        ConfigError: The price is negative.
    """

    accelerator: str
    usd_per_gpu_hour: float
    provider: str = "own sheet"
    instance: str = ""
    source: str = ""

    def __post_init__(self) -> None:
        require(self.usd_per_gpu_hour >= 0, "usd_per_gpu_hour", "zero or more", self.usd_per_gpu_hour)


def load_prices(path: Path) -> tuple[PriceRow, ...]:
    """A price sheet of one's own: a TOML file of ``[[price]]`` rows.

    Raises:
        ConfigError: The file cannot be read, or a row is no price.
    """
    return _rows(load_toml(path), str(path))


def published_prices() -> tuple[PriceRow, ...]:
    """On-demand list prices of ``prices.toml``."""
    return _rows(load_facts("optimoe.cost", "prices.toml"), "prices.toml")


def list_price(accelerator: str, sheet: Sequence[PriceRow] = ()) -> GpuPrice:
    """The median of a sheet's prices where it has any, else of the providers' on-demand list prices.

    Raises:
        InputError: No price is known for this accelerator.
    """
    own = [row for row in sheet if row.accelerator == accelerator]
    rows = own or [row for row in published_prices() if row.accelerator == accelerator]
    if not rows:
        raise InputError(f"gpu price: no list price of {accelerator} is known")
    prices = [row.usd_per_gpu_hour for row in rows]
    kind = "given in a price sheet: " if own else "median of on-demand list prices: "
    return GpuPrice(
        usd_per_gpu_hour=median(prices),
        low=min(prices),
        high=max(prices),
        basis=Basis.ASSUMED if own else Basis.PUBLISHED,
        source=kind + ", ".join(f"{row.provider} {row.usd_per_gpu_hour:g}" for row in rows),
    )


def _rows(table: Mapping[str, Any], where: str) -> tuple[PriceRow, ...]:
    rows = table.get("price", [])
    if not rows:
        raise ConfigError(f"{where}: must have [[price]] rows, has none")
    return tuple(build(PriceRow, row, where=f"{where}: price") for row in rows)


def usd_per_mtok(num_gpus: float, price: GpuPrice, tokens_per_s: Values) -> Values:
    """Dollars per million tokens: GPUs · USD/s ÷ (tokens/s) · 10^6."""
    return num_gpus * price.usd_per_gpu_s / tokens_per_s * TOKENS_PER_MTOK
