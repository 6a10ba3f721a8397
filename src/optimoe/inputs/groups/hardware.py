"""GPUs, what an hour of them costs, and how a model is laid out on them."""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

from cyclopts import Parameter

from optimoe.core.errors import InputError
from optimoe.inputs.sources import Accelerator, Gpus

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
            if count.isdigit():
                raise InputError("--gpu: missing (or give both at once: --gpus 8xh100-sxm)")
            num_gpus, name = parse_gpus(self.gpus)
        elif count.isdigit():
            num_gpus, name = int(count), self.gpu
        else:
            raise InputError(f"--gpus: must be a number beside --gpu, got {self.gpus!r}")
        return Cluster(accelerator=find_accelerator(name), num_gpus=num_gpus)


@Parameter(name="*", group="Prices")
@dataclass(frozen=True, kw_only=True)
class PriceSheet:
    """A price sheet of one's own."""

    prices: Path | None = None
    """Price sheet: a TOML file of [[price]] rows (accelerator, usd_per_gpu_hour), before the list prices."""

    def find(self, accelerator: str, usd_per_hour: float | None) -> "GpuPrice":
        """The price that is given, else that of the sheet, else the median list price.

        Raises:
            InputError: None is given and none is known.
            UnknownNameError: The sheet names no accelerator that is known or in use.
            ConfigError: The sheet cannot be read, or a price is negative.
        """
        from optimoe.cost.hardware.price import given_price, list_price, load_prices

        sheet = load_prices(self.prices) if self.prices else ()
        return list_price(accelerator, sheet) if usd_per_hour is None else given_price(usd_per_hour)

    def gap(self, accelerator: str) -> str:
        """What to say where the sheet has no row for an accelerator in use; empty where it has one or is none.

        Raises:
            ConfigError: The sheet cannot be read, or a row is no price.
        """
        from optimoe.cost.hardware.price import load_prices, sheet_gap

        return sheet_gap(accelerator, load_prices(self.prices)) if self.prices else ""


@Parameter(name="*", group="Prices")
@dataclass(frozen=True, kw_only=True)
class Price(PriceSheet):
    """Dollars of a GPU hour."""

    gpu_usd_per_hour: float | None = None
    """Price of a GPU hour, instead of the sheet's or the list price."""

    def price(self, accelerator: str) -> "GpuPrice":
        """The price of a GPU hour; where none is known, dollars are NaN.

        Raises:
            UnknownNameError: The sheet names no accelerator that is known or in use.
            ConfigError: The sheet cannot be read, or a price is negative.
        """
        from optimoe.core.errors import ConfigError, UnknownNameError
        from optimoe.cost.hardware.price import unknown_price

        try:
            return self.find(accelerator, self.gpu_usd_per_hour)
        except (ConfigError, UnknownNameError):
            raise
        except InputError:
            return unknown_price()


@Parameter(name="*", group="Prices")
@dataclass(frozen=True, kw_only=True)
class PlanPrices(PriceSheet):
    """Dollars of GPU hours, of training and of serving."""

    train_usd_per_hour: float | None = None
    """Price of a training GPU hour, instead of the sheet's or the list price."""
    serve_usd_per_hour: float | None = None
    """Price of a serving GPU hour, instead of the sheet's or the list price."""

    def training(self, accelerator: str) -> "GpuPrice":
        """The price of a training GPU hour.

        Raises:
            InputError: None is given and none is known; names the option.
            UnknownNameError: The sheet names no accelerator that is known or in use.
            ConfigError: The sheet cannot be read, or a price is negative.
        """
        return self._required(accelerator, self.train_usd_per_hour, "--train-usd-per-hour")

    def serving(self, accelerator: str) -> "GpuPrice":
        """The price of a serving GPU hour.

        Raises:
            InputError: None is given and none is known; names the option.
            UnknownNameError: The sheet names no accelerator that is known or in use.
            ConfigError: The sheet cannot be read, or a price is negative.
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
