"""What the serving software does: precisions, routing of its tokens, chunks, drafts, and its own time."""

from dataclasses import dataclass, field
from typing import Any

from optimoe.core.config import load_facts
from optimoe.core.errors import UnknownNameError, require, require_positive
from optimoe.cost.kernels.spread import UNIFORM, Routing

DEFAULT_ENGINE = "vllm"


def efficiency(name: str) -> float:
    """One value of ``efficiency.toml``."""
    return float(load_facts("optimoe.cost", "efficiency.toml")[name]["value"])


@dataclass(frozen=True, kw_only=True)
class Engine:
    """A serving engine and how it is set up.

    Attributes:
        precision: Of the weights.
        kv_precision: Of the cache.
        routing: How tokens spread over experts.
        overlap: Share of the exchange between GPUs that runs behind arithmetic, as far as there is any.
        chunk_tokens: Most tokens of prompts that one step takes in; also sizes the activations.
        draft_tokens: Tokens drafted per step by speculative decoding; 0 is plain decoding.
        acceptance: Probability that a drafted token is accepted, given that those before it were.
        step_s: Of the engine itself in one step (scheduler).
        request_s: The same by running request (sampling).
        front_s: From a request's arrival to the scheduler and back to the client, under load.
        prefill_first: Waiting prompts are read before any further token is decoded.
        kernels: Where kernel times come from: ``fitted`` or ``silicon`` (``optimoe.cost.kernels``).
        decode_scale, prefill_scale: Measured over predicted time of the kernels, 1 uncalibrated.

    Raises:
        ConfigError: A share is not in [0, 1], or a time or size is negative.
    """

    precision: str = "bf16"
    kv_precision: str = "bf16"
    routing: Routing = UNIFORM
    overlap: float = 0.0
    chunk_tokens: int = 8192
    draft_tokens: int = 0
    acceptance: float = 0.0
    step_s: float = field(default_factory=lambda: efficiency("engine_step_s"))
    request_s: float = field(default_factory=lambda: efficiency("engine_request_s"))
    front_s: float = field(default_factory=lambda: engine_preset(DEFAULT_ENGINE)["front_s"])
    prefill_first: bool = False
    kernels: str = "fitted"
    decode_scale: float = 1.0
    prefill_scale: float = 1.0

    def __post_init__(self) -> None:
        for name in ("overlap", "acceptance"):
            require(0 <= getattr(self, name) <= 1, name, "from 0 to 1", getattr(self, name))
        for name in ("draft_tokens", "step_s", "request_s", "front_s"):
            require(getattr(self, name) >= 0, name, "zero or more", getattr(self, name))
        require_positive(self, "chunk_tokens", "decode_scale", "prefill_scale")
        require(
            self.draft_tokens > 0 or self.acceptance == 0, "acceptance", "0 without draft_tokens", self.acceptance
        )


def engine_names() -> tuple[str, ...]:
    """The engines with a preset of their own."""
    return tuple(load_facts("optimoe.cost", "engines.toml")["engine"])


def engine_preset(name: str) -> dict[str, Any]:
    """One row of ``engines.toml``."""
    known = load_facts("optimoe.cost", "engines.toml")["engine"]
    if name not in known:
        raise UnknownNameError("engine", name, known)
    return dict(known[name])


def find_engine(name: str, **setup: Any) -> Engine:
    """An engine's preset, with the rest of its set-up; a cache precision that is given stands.

    Raises:
        UnknownNameError: No preset of that name; lists the nearest.
    """
    row = engine_preset(name)
    if setup.get("precision") == "fp8":
        setup.setdefault("kv_precision", row["kv_of_fp8"])
    return Engine(front_s=row["front_s"], prefill_first=row["prefill_first"], **setup)
