"""What the serving software does: how its kernels run, its chunks and drafts, and the time it takes itself."""

from dataclasses import dataclass, field, fields
from typing import Any

from optimoe.core.errors import require, require_positive
from optimoe.cost.engines.preset import DEFAULT_ENGINE, engine_preset
from optimoe.cost.facts import efficiency
from optimoe.cost.layers.execution import Execution


@dataclass(frozen=True, kw_only=True)
class Engine:
    """A serving engine and how it is set up.

    Attributes:
        execution: Precisions, routing, overlap, and the source of kernel times.
        chunk_tokens: Most tokens of prompts that one step takes in; also sizes the activations.
        draft_tokens: Tokens drafted per step by speculative decoding; 0 is plain decoding.
        acceptance: Probability that a drafted token is accepted, given that those before it were.
        step_s: Seconds of the engine itself in one step (scheduler).
        request_s: Seconds of the engine itself in one step for each running request (sampling).
        front_s: Seconds from a request's arrival to the scheduler and back to the client, under load.
        prefill_first: Waiting prompts are read before any further token is decoded.
        decode_scale, prefill_scale: Measured over predicted time of the kernels, 1 uncalibrated.

    Raises:
        ConfigError: The acceptance is not in [0, 1], or a time or size is negative.
    """

    execution: Execution = field(default_factory=Execution)
    chunk_tokens: int = 8192
    draft_tokens: int = 0
    acceptance: float = 0.0
    step_s: float = field(default_factory=lambda: efficiency("engine_step_s"))
    request_s: float = field(default_factory=lambda: efficiency("engine_request_s"))
    front_s: float = field(default_factory=lambda: engine_preset(DEFAULT_ENGINE).front_s)
    prefill_first: bool = False
    decode_scale: float = 1.0
    prefill_scale: float = 1.0

    def __post_init__(self) -> None:
        require(0 <= self.acceptance <= 1, "acceptance", "from 0 to 1", self.acceptance)
        for name in ("draft_tokens", "step_s", "request_s", "front_s"):
            require(getattr(self, name) >= 0, name, "zero or more", getattr(self, name))
        require_positive(self, "chunk_tokens", "decode_scale", "prefill_scale")
        require(
            self.draft_tokens > 0 or self.acceptance == 0, "acceptance", "0 without draft_tokens", self.acceptance
        )


def find_engine(name: str, **setup: Any) -> Engine:
    """An engine's preset, with the rest of its set-up; a cache precision that is given stands.

    Args:
        name: An engine of :func:`engine_names`, or a file of one's own with the same fields.
        setup: Fields of :class:`Engine` and of its :class:`~optimoe.cost.layers.execution.Execution` alike.

    Raises:
        UnknownNameError: No preset of that name; lists the nearest.
        ConfigError: The file describes no engine; names the file, the field, the limit and the value.
    """
    preset = engine_preset(name)
    if setup.get("precision") == "fp8":
        setup.setdefault("kv_precision", preset.kv_of_fp8)
    names = {field.name for field in fields(Execution)}
    execution = Execution(**{word: value for word, value in setup.items() if word in names})
    rest = {word: value for word, value in setup.items() if word not in names}
    return Engine(execution=execution, front_s=preset.front_s, prefill_first=preset.prefill_first, **rest)
