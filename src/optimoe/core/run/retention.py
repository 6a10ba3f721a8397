"""What a run over several distributions learned of each, and what later stages left of it."""

from dataclasses import dataclass

from optimoe.core.errors import require
from optimoe.core.run.record import RunRecord


@dataclass(frozen=True, kw_only=True)
class Retention:
    """Held-out losses of one source along a run of stages, nats per token.

    Attributes:
        before: Where the first stage that trains on it began.
        learned: Where that stage ended.
        last: After the last stage.
    """

    before: float
    learned: float
    last: float

    @property
    def gain(self) -> float:
        """Loss that its own stage took away."""
        return self.before - self.learned

    @property
    def forgotten(self) -> float:
        """Loss that later stages brought back; negative where they helped."""
        return self.last - self.learned


def retention(record: RunRecord) -> dict[str, Retention]:
    """What is kept of each source, in the order of the run's data, but for those that no stage trains on.

    Raises:
        ConfigError: The run has no stages, or was not trained to its end.
    """
    run, rows = record.run, record.by_stage
    whole = f"of a run of stages that is over, with {len(run.stages) + 1} rows"
    require(run.stages and len(rows) == len(run.stages) + 1, "by_stage", whole, f"{len(rows)} rows")
    found = {}
    for name in rows[0]:
        own = [at for at, stage in enumerate(run.stages, 1) if name in {one.name for one in stage.sources}]
        if own:
            before, learned = rows[own[0] - 1], rows[own[0]]
            found[name] = Retention(before=before[name], learned=learned[name], last=rows[-1][name])
    return found
