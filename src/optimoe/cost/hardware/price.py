"""Prices of GPU hours, and seconds into dollars."""

import math
from dataclasses import dataclass
from statistics import median

from optimoe.core.arrays import Values
from optimoe.core.config import load_facts
from optimoe.core.errors import InputError, require
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


def list_price(accelerator: str) -> GpuPrice:
    """The median of the providers' on-demand list prices.

    Raises:
        InputError: No provider's price is known for this accelerator.
    """
    rows = [row for row in load_facts("optimoe.cost", "prices.toml")["price"] if row["accelerator"] == accelerator]
    if not rows:
        raise InputError(f"gpu price: no list price of {accelerator} is known")
    prices = [row["usd_per_gpu_hour"] for row in rows]
    return GpuPrice(
        usd_per_gpu_hour=median(prices),
        low=min(prices),
        high=max(prices),
        basis=Basis.PUBLISHED,
        source="median of on-demand list prices: "
        + ", ".join(f"{row['provider']} {row['usd_per_gpu_hour']:g}" for row in rows),
    )


def usd_per_mtok(num_gpus: float, price: GpuPrice, tokens_per_s: Values) -> Values:
    """Dollars per million tokens: GPUs · USD/s ÷ (tokens/s) · 10^6."""
    return num_gpus * price.usd_per_gpu_s / tokens_per_s * TOKENS_PER_MTOK
