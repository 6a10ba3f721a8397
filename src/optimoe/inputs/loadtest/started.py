"""The engine that ``optimoe measure --serve`` starts for a measurement."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from cyclopts import Parameter

from optimoe.core.errors import require_nonnegative

if TYPE_CHECKING:
    from optimoe.inputs.loadtest.served import ServedChoice
    from optimoe.loadtest.engines.options import EngineOptions
    from optimoe.loadtest.workload import LoadPlan, TokenLengths

AT_ONCE = 16
"""Requests at once where they come at a rate, which says nothing of their number."""

MORE_WORDS, MORE_TOKENS, LEAST_CONTEXT = 1.25, 64, 512
"""What a context holds beyond the lengths that are asked for: prompts of words have the tokens that a tokenizer
makes of them, and the first requests, which find out how many, have lengths of their own."""

DEVIATIONS = 4
"""Standard deviations above the mean that the longest of some thousand drawn lengths comes to."""


@Parameter(name="*", group="Engine that is started (for --serve)")
@dataclass(frozen=True, kw_only=True)
class StartedChoice:
    """How an engine is started that serves for a measurement alone."""

    threads: int = 1
    """Processor threads of llama.cpp and transformers."""
    device: Literal["cpu", "auto"] = "cpu"
    """Of these two: the processor, or what the engine chooses."""
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    """Numbers in which transformers, vLLM and SGLang compute; auto is the checkpoint's own."""
    at_once: int = 0
    """Requests that it works on at once; left out, the highest --concurrency, or 16 with --rate."""
    context: int = 0
    """Tokens of the longest request; left out, as the lengths ask for."""
    start_s: float = 600.0
    """Longest time until it answers."""

    def __post_init__(self) -> None:
        require_nonnegative(self, "at_once", "context")

    def options(self, served: "ServedChoice", plan: "LoadPlan") -> "EngineOptions":
        """The engine as a measurement needs it.

        Raises:
            UnknownNameError: No such engine.
            ConfigError: A number is out of its limits.
        """
        from optimoe.loadtest.engines.options import EngineOptions
        from optimoe.loadtest.workload import ClosedLoop

        in_flight = [level.concurrency for level in plan.levels if isinstance(level, ClosedLoop)]
        turn = MORE_WORDS * longest(plan.input_lengths) + longest(plan.output_lengths)
        tokens = MORE_WORDS * plan.shared_tokens + plan.num_turns * turn + MORE_TOKENS
        return EngineOptions(
            engine=served.stated().get("engine", "llamacpp"),
            requests=self.at_once or max(in_flight, default=AT_ONCE),
            context=self.context or max(LEAST_CONTEXT, math.ceil(tokens)),
            threads=self.threads,
            device=self.device,
            dtype=self.dtype,
            start_s=self.start_s,
            **{name: getattr(served, name) or 1 for name in ("tp", "ep", "pp", "dp")},
        )


def longest(lengths: "TokenLengths") -> float:
    """The longest of some thousand drawn lengths, about."""
    if lengths.kind == "listed":
        return max(lengths.listed)
    if lengths.kind == "uniform":
        return lengths.high
    return min(lengths.mean + DEVIATIONS * lengths.std, lengths.high)
