"""An engine that serves, in labelled lines."""

from optimoe.loadtest.engines.running import RunningEngine
from optimoe.report.words.lines import Lines


def serving_engine_lines(engine: RunningEngine) -> Lines:
    """Where the model is served, by what, and the line that started it."""
    return [
        ("Serving", f"{engine.model} at {engine.url}/v1, until Ctrl-C"),
        ("Engine", f"{engine.engine} {engine.version}, process {engine.program.pid}"),
        ("Command", engine.command),
    ]
