"""The command that starts each engine, word by word, and what must be there for it."""

import math
import shlex
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from optimoe.core.errors import InputError, require
from optimoe.core.records import same_fields
from optimoe.loadtest.engines.options import EngineName, EngineOptions

HOST = "127.0.0.1"

OFFLINE = {"HF_HUB_OFFLINE": "1"}
"""The model is at hand: nothing is asked of a hub."""

PAGE_TOKENS = 256
"""Tokens of one block of the cache of transformers (ContinuousBatchingConfig, ``page_size``)."""

PREFILL_TOKENS = 512
"""Tokens that transformers computes in one pass, as llama.cpp does by default; its own default, 8,192, makes masks
of gigabytes where the processor attends."""


@dataclass(frozen=True, kw_only=True)
class EngineCommand:
    """How an engine is started.

    Attributes:
        words: The program and its arguments.
        variables: Of its environment, beside those of this process.
    """

    words: tuple[str, ...]
    variables: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        """The line that a person would type."""
        return " ".join([*(f"{name}={value}" for name, value in self.variables.items()), shlex.join(self.words)])


def engine_command(options: EngineOptions, model: Path, port: int) -> EngineCommand:
    """How an engine is started on a model.

    Args:
        options: Which engine, and how.
        model: A ``.gguf`` file for llama.cpp, else a folder with ``config.json`` and weights.
        port: Where it listens.
    """
    return _COMMANDS[options.engine](options, model, port)


@dataclass(frozen=True, kw_only=True)
class LaunchedModel:
    """One copy of a model as an engine of GPUs is to serve it.

    Attributes:
        model: Folder or name.
        dtype: Numbers in which it computes.
        context: Tokens of the longest request.
        requests: Requests at once, over all ranks.
        tp: Tensor-parallel degree of the attention.
        pp: Pipeline stages.
        dp: Ranks that attend to requests of their own.
        ep: Ranks that share the experts.
    """

    model: str
    dtype: str
    context: int
    requests: int
    tp: int = 1
    pp: int = 1
    dp: int = 1
    ep: int = 1


def vllm_words(served: LaunchedModel) -> list[str]:
    """The words that start vLLM, which counts requests by rank, and whose experts lie on all ranks or on each.

    Source: its docs, CLI Reference, ``vllm serve``.
    """
    words = ["vllm", "serve", served.model, "--dtype", served.dtype, "--max-model-len", str(served.context)]
    words += ["--max-num-seqs", str(max(1, served.requests // served.dp))]
    sizes = {"tensor-parallel": served.tp, "pipeline-parallel": served.pp, "data-parallel": served.dp}
    return [*words, *_sizes(sizes), *(["--enable-expert-parallel"] if served.ep > 1 else [])]


def sglang_words(served: LaunchedModel) -> list[str]:
    """The words that start SGLang, whose tp counts all GPUs of a stage, of which dp-attention makes ranks.

    Source: its docs, Server Arguments.
    """
    words = ["python3", "-m", "sglang.launch_server", "--model-path", served.model, "--dtype", served.dtype]
    words += ["--context-length", str(served.context), "--max-running-requests", str(max(1, served.requests))]
    words += _sizes({"tp": served.tp * served.dp, "pp": served.pp, "dp": served.dp, "ep": served.ep})
    return [*words, *(["--enable-dp-attention"] if served.dp > 1 else [])]


def require_model(engine: EngineName, model: Path) -> None:
    """Check that a model is in the format that an engine loads.

    Raises:
        ConfigError: It is not, or is not there.
    """
    if engine == "llamacpp":
        require(model.is_file() and model.suffix == ".gguf", "model", "a .gguf file for llamacpp", model)
    else:
        require((model / "config.json").is_file(), "model", f"a folder with config.json for {engine}", model)


def require_engine(engine: EngineName) -> None:
    """Check that an engine is installed.

    Raises:
        InputError: It is not at hand; says where it comes from.
    """
    packages, installs = _NEEDS[engine]
    missing = [name for name in packages if find_spec(name) is None]
    if missing:
        raise InputError(f"{engine}: needs {', '.join(missing)} (pip install '{installs}')")
    program = {"vllm": "vllm", "sglang": "sglang"}.get(engine)
    if program and shutil.which(program) is None:
        raise InputError(f"{engine}: needs the command {program} on PATH ({installs})")


_NEEDS: Mapping[str, tuple[tuple[str, ...], str]] = {
    "llamacpp": (("xllamacpp",), "optimoe[serve]"),
    "transformers": (("transformers", "fastapi", "uvicorn", "openai"), "transformers[serving]"),
    "vllm": ((), "docs.vllm.ai, Installation"),
    "sglang": ((), "docs.sglang.ai, Install"),
}
"""Packages in this environment, and how they, or the engine's own, come there."""


def _llamacpp(options: EngineOptions, model: Path, port: int) -> EngineCommand:
    words = [sys.executable, "-m", "optimoe.loadtest.engines.llamacpp", str(model)]
    words += ["--requests", str(options.requests), "--context", str(options.context)]
    words += ["--threads", str(options.threads), "--device", options.device]
    words += ["--host", HOST, "--port", str(port)]
    return EngineCommand(words=tuple(words))


def _transformers(options: EngineOptions, model: Path, port: int) -> EngineCommand:
    blocks = options.requests * math.ceil(options.context / PAGE_TOKENS)
    words = [sys.executable, "-m", "transformers.cli.transformers", "serve", str(model), "--continuous-batching"]
    words += ["--device", options.device, "--dtype", options.dtype, "--cb-num-blocks", str(blocks)]
    words += ["--cb-max-batch-tokens", str(max(PREFILL_TOKENS, options.requests))]
    words += ["--host", HOST, "--port", str(port)]
    return EngineCommand(words=tuple(words), variables=OFFLINE | {"OMP_NUM_THREADS": str(options.threads)})


def _vllm(options: EngineOptions, model: Path, port: int) -> EngineCommand:
    words = vllm_words(_served(options, model))
    return EngineCommand(words=(*words, "--host", HOST, "--port", str(port)), variables=OFFLINE)


def _sglang(options: EngineOptions, model: Path, port: int) -> EngineCommand:
    words = sglang_words(_served(options, model))
    return EngineCommand(words=(*words, "--host", HOST, "--port", str(port)), variables=OFFLINE)


_COMMANDS: Mapping[str, Callable[[EngineOptions, Path, int], EngineCommand]] = {
    "llamacpp": _llamacpp,
    "transformers": _transformers,
    "vllm": _vllm,
    "sglang": _sglang,
}


def _served(options: EngineOptions, model: Path) -> LaunchedModel:
    """What is asked of an engine of GPUs; requests are as many for each rank, and all that are asked for."""
    each = math.ceil(options.requests / options.dp)
    return same_fields(LaunchedModel, options, model=str(model), requests=each * options.dp)


def _sizes(sizes: Mapping[str, int]) -> list[str]:
    """Degrees of parallelism above 1, as options."""
    return [word for name, size in sizes.items() if size > 1 for word in (f"--{name}-size", str(size))]
