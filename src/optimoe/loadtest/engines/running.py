"""An engine from its start to its end: started, waited for, warmed, watched while it serves, stopped."""

import json
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from optimoe.core.errors import OptimoeError, require, shown
from optimoe.loadtest.engines.commands import HOST, engine_command, require_engine, require_model
from optimoe.loadtest.engines.options import EngineName, EngineOptions
from optimoe.loadtest.engines.program import Program, started

POLL_S = 0.05
ANSWER_S = 10.0
"""Seconds in which an engine says whether it is well, and which version it is."""

_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
"""Asks this machine, whatever proxy the environment names."""


class EngineError(OptimoeError):
    """An engine did not start, or ended while it was needed.

    Attributes:
        last_lines: The end of what it has printed.
    """

    def __init__(self, text: str, last_lines: tuple[str, ...] = ()) -> None:
        super().__init__(text)
        self.last_lines = last_lines


@dataclass(frozen=True, kw_only=True)
class RunningEngine:
    """An engine that serves a model.

    Attributes:
        engine: Which one.
        version: As its package or itself says.
        url: Where it answers, ``/v1`` left out.
        model: The name by which it knows the model.
        command: The line that started it.
        program: Its process.
    """

    engine: EngineName
    version: str
    url: str
    model: str
    command: str
    program: Program

    def require_running(self) -> None:
        """Check that the engine has not ended.

        Raises:
            EngineError: It has; says how, and holds the last that it printed.
        """
        _require_running(self.engine, self.program, "while it was needed")


@contextmanager
def engine_running(options: EngineOptions, model: Path) -> Iterator[RunningEngine]:
    """Serve a model for as long as the block lasts.

    Args:
        options: Which engine, and how.
        model: A ``.gguf`` file for llama.cpp, else a folder with ``config.json`` and weights.

    Yields:
        The engine, which has answered one request already: the first one is slower than others.

    Raises:
        InputError: The engine is not installed, the model is not in its format, or the port is taken.
        EngineError: The engine ends or stays silent before it answers.
    """
    require_engine(options.engine)
    require_model(options.engine, model)
    port = _free_port(options.port)
    command = engine_command(options, model, port)
    url = f"http://{HOST}:{port}"
    with started(command) as program:
        _wait(options, program, url, str(model))
        yield RunningEngine(
            engine=options.engine,
            version=_version(options.engine, url),
            url=url,
            model=str(model),
            command=str(command),
            program=program,
        )


def _wait(options: EngineOptions, program: Program, url: str, model: str) -> None:
    """Return when the engine is well and has answered a request."""
    until = time.monotonic() + options.start_s
    while not _is_well(url):
        _require_running(options.engine, program, "before it answered")
        if time.monotonic() > until:
            text = f"{options.engine}: gave no answer at {url}/health within {options.start_s:g} s (--start-s)"
            raise EngineError(text, program.last_lines())
        time.sleep(POLL_S)
    request = {"model": model, "prompt": "a", "max_tokens": 2, "temperature": 0}
    try:
        _ask(f"{url}/v1/completions", request, max(ANSWER_S, until - time.monotonic()))
    except (OSError, ValueError) as error:
        _require_running(options.engine, program, "before it answered")
        why = error.read().decode(errors="replace") if isinstance(error, urllib.error.HTTPError) else error
        text = f"{options.engine}: gave no answer to a first request ({shown(str(why), 200)})"
        raise EngineError(text, program.last_lines()) from None


def _require_running(engine: str, program: Program, when: str) -> None:
    ended = program.ended
    if ended:
        lines = program.last_lines()
        raise EngineError(f"{engine}: {ended} {when}{f', last saying: {lines[-1]}' if lines else ''}", lines)


def _is_well(url: str) -> bool:
    try:
        with _DIRECT.open(f"{url}/health", timeout=ANSWER_S) as answer:
            return bool(answer.status == 200)
    except OSError:  # no connection yet, or 503 while the model loads
        return False


def _version(engine: EngineName, url: str) -> str:
    """The version of an engine: of its package where that is one of this environment, else as it says itself."""
    package = {"llamacpp": "xllamacpp", "transformers": "transformers"}.get(engine)
    if package:
        return version(package)
    place = {"vllm": "version", "sglang": "get_server_info"}[engine]
    try:
        return str(_ask(f"{url}/{place}")["version"])
    except (OSError, ValueError, KeyError):
        return "unknown"


def _ask(address: str, request: dict[str, Any] | None = None, timeout_s: float = ANSWER_S) -> Any:
    """The JSON that an address answers, to a request where there is one."""
    data = None if request is None else json.dumps(request).encode()
    asked = urllib.request.Request(address, data, {"Content-Type": "application/json"})
    with _DIRECT.open(asked, timeout=timeout_s) as answer:
        return json.load(answer)


def _free_port(wanted: int) -> int:
    """The wanted port, or for 0 one that nobody listens at.

    Raises:
        ConfigError: Somebody listens at the wanted one.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, wanted))
        except OSError as error:
            require(False, "port", f"free at {HOST} ({error.strerror})", wanted)
        return int(probe.getsockname()[1])
