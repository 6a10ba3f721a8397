"""The request of ``optimoe serve``: a model, and the engine that is to serve it."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from cyclopts import Parameter

from optimoe.core.errors import require_nonnegative
from optimoe.loadtest.engines.options import EngineOptions

if TYPE_CHECKING:
    from optimoe.loadtest.engines.running import RunningEngine

Parameter(name="*", group="Engine")(EngineOptions)  # its fields are options of the command

LOOK_S = 0.1
"""Seconds between two looks at an engine that serves."""


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class ServeRequest:
    """A model that an engine serves, at 127.0.0.1."""

    model: Path = field(kw_only=False)
    """A .gguf file for llama.cpp, a folder of optimoe export --to hf for the others, or the folder of a run, which
    is exported for as long."""
    step: int = 0
    """Of the checkpoint of a run; 0 takes the newest whole one."""
    seconds: float = 0.0
    """Serve so long; 0 until Ctrl-C."""
    options: EngineOptions = field(default_factory=EngineOptions)

    def __post_init__(self) -> None:
        require_nonnegative(self, "step", "seconds")

    @contextmanager
    def running(self) -> "Iterator[RunningEngine]":
        """The engine, for as long as the block lasts.

        Raises:
            InputError: The engine is not installed, the model is not in its format, or a run cannot be exported.
            EngineError: The engine ends or stays silent before it answers.
        """
        with served(self.model, self.options, self.step) as engine:
            yield engine

    def wait(self, engine: "RunningEngine") -> None:
        """Return after the seconds that are asked for, or at Ctrl-C.

        Raises:
            EngineError: The engine ends before.
        """
        until = time.monotonic() + self.seconds
        try:
            while not self.seconds or time.monotonic() < until:
                engine.require_running()
                time.sleep(LOOK_S)
        except KeyboardInterrupt:  # how a person ends it
            return


@contextmanager
def served(model: Path, options: EngineOptions, step: int = 0) -> "Iterator[RunningEngine]":
    """An engine that serves a model, which is exported first where it is the folder of a run.

    Args:
        model: As the engine loads it, or the folder of a run.
        options: Which engine, and how.
        step: Of the run's checkpoint; 0 takes the newest.

    Raises:
        InputError: The engine is not installed, the model is not in its format, or a run cannot be exported.
        EngineError: The engine ends or stays silent before it answers.
    """
    from optimoe.loadtest.engines.commands import require_engine
    from optimoe.loadtest.engines.running import engine_running

    require_engine(options.engine)
    with exported(model, options.engine == "llamacpp", step) as ready, engine_running(options, ready) as engine:
        yield engine


@contextmanager
def exported(model: Path, gguf: bool, step: int = 0) -> Iterator[Path]:
    """A model as engines load it: a run's in a folder that is there for as long as the block lasts.

    Raises:
        InputError: The run cannot be read, or its model is in no format of theirs.
    """
    from optimoe.trainer.results.folder import RUN

    if not (model / RUN).is_file():
        yield model
        return
    from optimoe.trainer.results.export import export
    from optimoe.trainer.results.trained import load_run

    with TemporaryDirectory(prefix="optimoe-") as folder:
        out = Path(folder, f"{model.resolve().name}.gguf" if gguf else model.resolve().name)
        export(load_run(model, step), "gguf" if gguf else "hf", out)
        yield out
