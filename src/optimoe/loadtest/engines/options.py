"""How an engine is to serve a model: which one, how many requests at once and how long, on what."""

from dataclasses import dataclass
from typing import Literal

from optimoe.core.errors import require, require_positive, require_types

EngineName = Literal["llamacpp", "transformers", "vllm", "sglang"]
"""llama.cpp within ``xllamacpp``, ``transformers serve``, and the commands of vLLM and SGLang."""

OF_ONE_PROCESS = ("llamacpp", "transformers")
"""Engines that serve a model in one piece."""


@dataclass(frozen=True, kw_only=True)
class EngineOptions:
    """How an engine serves a model.

    Attributes:
        engine: Which one.
        requests: Requests that it works on at once; others wait.
        context: Tokens of the longest request, prompt and answer, where the model takes as many.
        threads: Processor threads of llama.cpp and transformers. Threads that wait for each other in a loop are a
            hundred times slower than one where something else wants a core: as many as cores that stand idle.
        dtype: Numbers in which transformers, vLLM and SGLang compute; auto is the checkpoint's own.
        device: Of llama.cpp and transformers: the processor, or what the engine chooses.
        tp: Tensor-parallel degree of vLLM and SGLang, within a replica.
        pp: Pipeline stages.
        dp: Ranks that attend to requests of their own and share the experts.
        ep: Ranks that share the experts; above 1 is tp · dp of vLLM.
        port: At 127.0.0.1; 0 takes a free one.
        start_s: Longest time until it answers.

    Raises:
        ConfigError: A number is out of its limits, or the engine has one process and several are asked for.
        UnknownNameError: No such engine, or no such number format.
    """

    engine: EngineName = "llamacpp"
    requests: int = 4
    context: int = 4096
    threads: int = 1
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    device: Literal["cpu", "auto"] = "cpu"
    tp: int = 1
    pp: int = 1
    dp: int = 1
    ep: int = 1
    port: int = 0
    start_s: float = 600.0

    def __post_init__(self) -> None:
        require_types(self)
        require_positive(self, "requests", "context", "threads", "tp", "pp", "dp", "ep", "start_s")
        require(0 <= self.port < 2**16, "port", "0, or a port below 65536", self.port)
        if self.engine in OF_ONE_PROCESS:
            for name in ("tp", "pp", "dp", "ep"):
                require(getattr(self, name) == 1, name, f"1 with {self.engine}", getattr(self, name))
