"""Levels of load on an endpoint, put in figures."""

from dataclasses import dataclass

from optimoe.core.errors import OptimoeError
from optimoe.core.latency import LatencyRecord
from optimoe.core.results.shown import Drawn
from optimoe.loadtest.results.records import ServedModel, latency_record
from optimoe.loadtest.results.server import Server
from optimoe.loadtest.results.summary import LevelSummary
from optimoe.loadtest.workload import Endpoint, LoadPlan


@dataclass(frozen=True, kw_only=True, repr=False)
class Measurement(Drawn):
    """What came of levels of load on an endpoint.

    Attributes:
        endpoint: Where.
        server: What it told of itself.
        plan: What was asked.
        levels: In figures, in their order; fewer than planned where the endpoint went away or a person ended it.
        interrupted: Whether a person ended it.
    """

    endpoint: Endpoint
    server: Server
    plan: LoadPlan
    levels: tuple[LevelSummary, ...]
    interrupted: bool = False

    def __repr__(self) -> str:
        best = self.best
        speed = f"up to {best.output_throughput:.4g} tokens/s"
        latency = f"TTFT {1e3 * best.ttft.median:.4g} ms, TPOT {1e3 * best.tpot.median:.4g} ms"
        return f"Measurement({self.server.model}: {len(self.levels)} levels, {speed}, {latency})"

    @property
    def best(self) -> LevelSummary:
        """The level with the most tokens a second."""
        return max(self.levels, key=lambda level: level.output_throughput)

    def records(self, served: ServedModel) -> tuple[LatencyRecord, ...]:
        """The levels as records for ``optimoe cost calibrate``.

        Raises:
            InputError: A level has no latencies, or the server does not count tokens.
            ConfigError: A figure is out of the limits of a record.
        """
        return tuple(latency_record(level, served) for level in self.levels)

    def records_and_faults(self, served: ServedModel) -> tuple[tuple[LatencyRecord, ...], tuple[str, ...]]:
        """Records of the levels that have one, and why others have none."""
        records, faults = [], []
        for level in self.levels:
            try:
                records.append(latency_record(level, served))
            except OptimoeError as error:
                faults.append(str(error))
        return tuple(records), tuple(dict.fromkeys(faults))
