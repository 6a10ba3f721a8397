"""JSON of ``optimoe serve``: where a model is served, by what."""

from dataclasses import dataclass

from optimoe.core.records import same_fields
from optimoe.loadtest.engines.running import RunningEngine


@dataclass(frozen=True, kw_only=True)
class ServingEngineRecord:
    """An engine that serves a model.

    Attributes:
        engine: Which one.
        version: As its package or itself says.
        url: Where it answers, ``/v1`` left out.
        model: The name by which it knows the model.
        command: The line that started it.
        pid: Of its process, which leads a group of all that it has started.
    """

    engine: str
    version: str
    url: str
    model: str
    command: str
    pid: int


def serving_engine_record(engine: RunningEngine) -> ServingEngineRecord:
    """An engine as the command prints it."""
    return same_fields(ServingEngineRecord, engine, pid=engine.program.pid)
