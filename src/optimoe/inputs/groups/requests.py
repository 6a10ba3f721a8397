"""Requests: how long they are, and how fast they must be answered."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cyclopts import Parameter

from optimoe.core.errors import InputError
from optimoe.core.units import parse_quantity
from optimoe.inputs.plausible import Plausible
from optimoe.inputs.quantities import Latency, Quantity, Several, latency, parts, whole

if TYPE_CHECKING:
    from optimoe.cost.serving.workload import Limits, Workload


@Parameter(name="*", group="Requests")
@dataclass(frozen=True, kw_only=True)
class Requests(Plausible):
    """The requests, and the limits on their latency."""

    input_tokens: Quantity = 1024.0
    """Tokens of a prompt."""
    output_tokens: Quantity = 1024.0
    """Tokens of an answer."""
    input_percentiles: Several = ""
    """Percentiles of prompt lengths, such as 50=800,90=3000, in place of their mean."""
    output_percentiles: Several = ""
    """Percentiles of answer lengths, such as 50=200,90=600, in place of their mean."""
    trace: Path | None = None
    """CSV table of requests (input_tokens, output_tokens), in place of the lengths."""
    prefix_hit: float = 0.0
    """Share of a prompt's tokens that a prefix cache holds."""
    ttft: Latency = ""
    """Limit on the time to first token: on its mean, or p95:2s for 95 % of requests that come at random."""
    tpot: Latency = ""
    """Limit on the time per output token: on its mean, such as 50ms, or on a percentile, such as p99:40ms."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for option, text in (("--ttft", self.ttft), ("--tpot", self.tpot)):
            latency(option, text)

    def workload(self) -> "Workload":
        """The requests: the mean of the trace or of the percentiles, or the two lengths.

        Raises:
            InputError: The trace cannot be read, percentiles are none, or a length is not whole.
            ConfigError: A number is out of limits.
        """
        from optimoe.cost.serving.traffic import load_trace
        from optimoe.cost.serving.workload import Workload

        if self.trace is not None:
            return load_trace(self.trace, self.prefix_hit)
        return Workload(
            input_tokens=_length("input", self.input_tokens, self.input_percentiles),
            output_tokens=_length("output", self.output_tokens, self.output_percentiles),
            prefix_hit=self.prefix_hit,
        )

    def limits(self) -> "Limits":
        """The limits on latency.

        Raises:
            InputError: One is no latency.
            ConfigError: A limit is not positive.
        """
        from optimoe.cost.serving.workload import Limits

        (ttft_s, ttft_share), (tpot_s, tpot_share) = latency("--ttft", self.ttft), latency("--tpot", self.tpot)
        return Limits(ttft_s=ttft_s, tpot_s=tpot_s, ttft_percentile=ttft_share, tpot_percentile=tpot_share)


def _length(name: str, mean: float, percentiles: str) -> int:
    if not percentiles:
        return whole(f"{name}_tokens", mean)
    from optimoe.cost.serving.traffic import mean_length

    option = f"--{name}-percentiles"
    try:
        stated = {
            float(percentile): parse_quantity(length)
            for percentile, length in (part.split("=") for part in parts(percentiles))
        }
    except ValueError:
        raise InputError(f"{option}: must look like 50=800,90=3000, got {percentiles!r}") from None
    return max(1, round(mean_length(stated, f"{name}_percentiles")))
