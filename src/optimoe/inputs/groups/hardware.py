"""GPUs, what an hour of them costs, and how a model is laid out on them."""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

from cyclopts import Parameter

from optimoe.core.errors import InputError
from optimoe.inputs.plausible import Plausible
from optimoe.inputs.sources import Accelerator, Gpus, PriceTier

if TYPE_CHECKING:
    from optimoe.cost.hardware.accelerator import Cluster
    from optimoe.cost.hardware.price import GpuPrice


@Parameter(name="*", group="Hardware")
@dataclass(frozen=True, kw_only=True)
class Hardware:
    """The GPUs of one deployment, or of one training run."""

    gpus: Gpus
    """Number of GPUs, with --gpu; or both at once, such as 8xh100-sxm."""
    gpu: Accelerator | None = None
    """Kind of GPU: a name, with another memory behind an @ (h100-sxm@40GB), or a TOML file of your own."""

    def cluster(self) -> "Cluster":
        """The GPUs of ``--gpus 8xh100-sxm``, or of ``--gpu h100-sxm --gpus 8``.

        Raises:
            InputError: Neither names an accelerator, or both do.
            UnknownNameError: No such accelerator; lists the nearest.
            ConfigError: No number of GPUs, or they have no known link.
        """
        from optimoe.cost.hardware.accelerator import Cluster, find_accelerator, parse_gpus

        count = self.gpus.strip()
        if self.gpu is None:
            if _is_number(count):
                raise InputError("--gpu: missing (or give both at once: --gpus 8xh100-sxm)")
            num_gpus, name = parse_gpus(self.gpus)
        elif _is_number(count):
            num_gpus, name = parse_gpus(f"{count}x{self.gpu}")
        else:
            raise InputError(f"--gpus: must be a number beside --gpu, got {self.gpus!r}")
        return Cluster(accelerator=find_accelerator(name), num_gpus=num_gpus)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()


@Parameter(name="*", group="Prices")
@dataclass(frozen=True, kw_only=True)
class PriceSheet(Plausible):
    """Where prices come from: a price sheet of one's own, or the lists of one tier."""

    prices: Path | None = None
    """Price sheet: a TOML file of [[price]] rows (accelerator, usd_per_gpu_hour; tier), before the list prices."""
    price_tier: PriceTier = "on-demand"
    """List prices of GPU hours bought on-demand, reserved or spot."""
    gpu_usd_per_hour: float | None = None
    """Price of a GPU hour, instead of the sheet's or the list price; 0 for GPUs of your own."""

    def find(self, accelerator: str, stated: float | None) -> "GpuPrice":
        """The first price that is given, else that of the sheet, else the median list price of the tier.

        Raises:
            InputError: None is given and none is known.
            UnknownNameError: The sheet names no accelerator that is known or in use, or there is no such tier.
            ConfigError: The sheet cannot be read, or a price is out of limits.
        """
        from optimoe.cost.hardware.price import find_tier, given_price, list_price, load_prices

        tier, sheet = find_tier(self.price_tier), load_prices(self.prices) if self.prices else ()
        given = [usd for usd in (stated, self.gpu_usd_per_hour) if usd is not None]
        return given_price(given[0]) if given else list_price(accelerator, sheet, tier=tier)

    def gap(self, accelerator: str) -> str:
        """What to say where the sheet has no row for an accelerator in use; empty where it has one or is none.

        Raises:
            ConfigError: The sheet cannot be read, or a row is no price.
            UnknownNameError: There is no such tier.
        """
        from optimoe.cost.hardware.price import find_tier, load_prices, sheet_gap

        return sheet_gap(accelerator, load_prices(self.prices), find_tier(self.price_tier)) if self.prices else ""

    def _or_unknown(self, accelerator: str, option: str, stated: float | None) -> "GpuPrice":
        """The price of a GPU hour by an option of one use, or as for both; NaN that says why where none is known.

        Raises:
            InputError: It is stated twice, and not alike.
            UnknownNameError: The sheet names no accelerator that is known or in use, or there is no such tier.
            ConfigError: The sheet cannot be read, or a price is out of limits.
        """
        from optimoe.core.errors import ConfigError, UnknownNameError
        from optimoe.cost.hardware.price import unknown_price

        if stated is not None and self.gpu_usd_per_hour is not None and stated != self.gpu_usd_per_hour:
            raise InputError(f"{option}: must be left out beside --gpu-usd-per-hour, they state one thing")
        try:
            return self.find(accelerator, stated)
        except (ConfigError, UnknownNameError):
            raise
        except InputError as error:
            return unknown_price(str(error))


@Parameter(name="*", group="Prices")
@dataclass(frozen=True, kw_only=True)
class ServePrice(PriceSheet):
    """Dollars of a GPU hour that serves."""

    serve_usd_per_hour: float | None = None
    """The same as --gpu-usd-per-hour, for GPUs that serve."""

    def price(self, accelerator: str) -> "GpuPrice":
        """The price of a GPU hour; where none is known, dollars are NaN. Raises what finding one does."""
        return self._or_unknown(accelerator, "--serve-usd-per-hour", self.serve_usd_per_hour)


@Parameter(name="*", group="Prices")
@dataclass(frozen=True, kw_only=True)
class TrainPrice(PriceSheet):
    """Dollars of a GPU hour that trains."""

    train_usd_per_hour: float | None = None
    """The same as --gpu-usd-per-hour, for GPUs that train."""

    def price(self, accelerator: str) -> "GpuPrice":
        """The price of a GPU hour; where none is known, dollars are NaN. Raises what finding one does."""
        return self._or_unknown(accelerator, "--train-usd-per-hour", self.train_usd_per_hour)


@Parameter(name="*", group="Prices")
@dataclass(frozen=True, kw_only=True)
class PlanPrices(PriceSheet):
    """Dollars of GPU hours, of training and of serving; each its own, or both --gpu-usd-per-hour."""

    train_usd_per_hour: float | None = None
    """Price of a training GPU hour, before --gpu-usd-per-hour; 0 for GPUs of your own."""
    serve_usd_per_hour: float | None = None
    """Price of a serving GPU hour, before --gpu-usd-per-hour; 0 for GPUs of your own."""

    def training(self, accelerator: str) -> "GpuPrice":
        """The price of a training GPU hour.

        Raises:
            InputError: None is given and none is known; names the option.
            UnknownNameError: The sheet names no accelerator that is known or in use, or there is no such tier.
            ConfigError: The sheet cannot be read, or a price is out of limits.
        """
        return self._required(accelerator, self.train_usd_per_hour, "--train-usd-per-hour")

    def serving(self, accelerator: str) -> "GpuPrice":
        """The price of a serving GPU hour.

        Raises:
            InputError: None is given and none is known; names the option.
            UnknownNameError: The sheet names no accelerator that is known or in use, or there is no such tier.
            ConfigError: The sheet cannot be read, or a price is out of limits.
        """
        return self._required(accelerator, self.serve_usd_per_hour, "--serve-usd-per-hour")

    def _required(self, accelerator: str, usd_per_hour: float | None, option: str) -> "GpuPrice":
        from optimoe.core.errors import ConfigError, UnknownNameError

        try:
            return self.find(accelerator, usd_per_hour)
        except (ConfigError, UnknownNameError):
            raise
        except InputError as error:
            raise InputError(f"{option}: missing, and {error}") from None


@Parameter(name="*", group="Layout (searched where left out)")
@dataclass(frozen=True, kw_only=True)
class LayoutChoice:
    """Degrees of parallelism; tp × pp × dp is the number of GPUs."""

    tp: int | None = None
    """Tensor parallel: GPUs that split heads and widths."""
    ep: int | None = None
    """Expert parallel: parts into which the experts are dealt; above tp, attention ranks share them."""
    pp: int | None = None
    """Pipeline stages."""
    dp: int | None = None
    """Data-parallel attention ranks, each with its own requests."""
    sp: int | None = None
    """Parts of a cache by tokens, beyond its key-value heads (1)."""
    resident: float | None = None
    """Share of the routed experts in device memory; the rest comes from the host (1)."""
    redundant_experts: int | None = None
    """Copies of experts beside the layer's own, dealt out with them (0); ep may then exceed the experts."""

    def fixed(self) -> dict[str, float]:
        """The degrees that are given, by name."""
        given = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in given.items() if value is not None}
