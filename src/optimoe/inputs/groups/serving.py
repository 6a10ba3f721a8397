"""Serving of a plan: the GPUs that may serve, and what they answer over the model's life."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cyclopts import Parameter

from optimoe.core.errors import InputError, require
from optimoe.core.ranges import require_range
from optimoe.core.ranges.table import DEPLOYED_GPUS
from optimoe.core.units import SECONDS_PER_DAY
from optimoe.inputs.groups.hardware import PlanPrices
from optimoe.inputs.plausible import Plausible
from optimoe.inputs.quantities import Quantity, parts
from optimoe.inputs.sources import ANY, ServingGpus

if TYPE_CHECKING:
    from optimoe.cost.hardware.accelerator import Cluster
    from optimoe.planner.problem.traffic import Traffic

USUAL_GPU = "h100-sxm"
"""The kind that trains and serves where none is stated: that of most published serving measurements."""


@Parameter(name="*", group="Serving")
@dataclass(frozen=True, kw_only=True)
class TrafficChoice(Plausible):
    """Hardware of the deployments, and what they answer over the model's life."""

    serve_gpus: ServingGpus = ""
    """GPUs of one deployment, such as 8xh100-sxm; or a kind alone, in 1, 2, 4, … 64 GPUs; or any, every kind with
    a price; several by comma. Left out: the kind that trains. The cheapest is taken."""
    serve_tokens: Quantity = 0.0
    """Output tokens over the model's life; their prompts come with them."""
    requests_per_s: float | None = None
    """Mean traffic over the model's life, in place of --serve-tokens; whole deployments carry it."""
    life_days: float = 365.0
    """Days that the traffic lasts."""
    peak_to_mean: float | None = None
    """Busiest over mean rate, of --requests-per-s: whole deployments carry the peak; 1 unless stated."""
    utilisation: float | None = None
    """Share of what a deployment can carry at which it is used, of --serve-tokens; 1 (always full) if left out."""

    def first_kind(self) -> str:
        """The kind of GPU that is stated first; the usual one where none is."""
        from optimoe.cost.hardware.accelerator import parse_gpus

        first = parts(self.serve_gpus)[0]
        return parse_gpus(first)[1] if first not in ("", ANY) else USUAL_GPU

    def clusters(self, training_gpu: str, prices: PlanPrices) -> "tuple[Cluster, ...]":
        """The GPUs of each deployment that may serve: as stated, or of a kind in every size.

        Args:
            training_gpu: The kind that serves where none is stated.
            prices: Without one a kind is left out of ``any``.

        Raises:
            InputError: All kinds are asked for at one price.
            UnknownNameError: No such accelerator; lists the nearest.
            ConfigError: No number of GPUs, or they have no known link.
        """
        from optimoe.cost.hardware.accelerator import Cluster, find_accelerator, parse_gpus, sizes, states_number

        found = []
        for stated in parts(self.serve_gpus):
            if states_number(stated):
                num_gpus, name = parse_gpus(stated)
                require_range(num_gpus, "serve_gpus", DEPLOYED_GPUS)
                found.append(Cluster(accelerator=find_accelerator(name), num_gpus=num_gpus))
                continue
            kinds = _priced_kinds(prices) if stated == ANY else [stated or training_gpu]
            gpus = [find_accelerator(kind) for kind in kinds]
            found += [Cluster(accelerator=gpu, num_gpus=size) for gpu in gpus for size in sizes(gpu)]
        once = {(cluster.accelerator.name, cluster.num_gpus): cluster for cluster in found}
        return tuple(once.values())

    def traffic(self, output_tokens: int) -> "Traffic":
        """The tokens over the life: as stated, or requests per second times the tokens of their answer.

        Raises:
            InputError: Both are stated, or what goes with the other.
            ConfigError: A number is out of limits.
        """
        from optimoe.planner.problem.traffic import Traffic

        require(0 < self.life_days < math.inf, "life_days", "positive", self.life_days)
        life_s = self.life_days * SECONDS_PER_DAY
        if self.requests_per_s is None:
            if self.peak_to_mean is not None:
                raise InputError("--peak-to-mean: must be left out without --requests-per-s: tokens have no peak")
            used = 1.0 if self.utilisation is None else self.utilisation
            return Traffic(lifetime_tokens=self.serve_tokens, life_s=life_s, utilisation=used)
        if self.serve_tokens:
            raise InputError("--serve-tokens: must be left out beside --requests-per-s, they state one thing")
        if self.utilisation is not None:
            raise InputError(
                "--utilisation: must be left out beside --requests-per-s: whole deployments have their own "
                "(--peak-to-mean leaves room)"
            )
        require(0 < self.requests_per_s < math.inf, "requests_per_s", "positive", self.requests_per_s)
        return Traffic(
            lifetime_tokens=self.requests_per_s * output_tokens * life_s,
            life_s=life_s,
            rated=True,
            peak_to_mean=1.0 if self.peak_to_mean is None else self.peak_to_mean,
        )


def _priced_kinds(prices: PlanPrices) -> list[str]:
    """Every accelerator that ships and has a price.

    Raises:
        InputError: One price is stated for all.
    """
    from optimoe.core.errors import ConfigError, UnknownNameError
    from optimoe.cost.hardware.accelerator import accelerator_names

    if prices.serve_usd_per_hour is not None or prices.gpu_usd_per_hour is not None:
        raise InputError("--serve-gpus: must name its kinds where one price is stated for all, got any")
    priced = []
    for name in accelerator_names():
        try:
            prices.serving(name)
        except (ConfigError, UnknownNameError):
            raise
        except InputError:
            continue
        priced.append(name)
    return priced
