"""What the serving software does: precisions, routing of its tokens, chunks, drafts, and its own time."""

from dataclasses import dataclass, field

from optimoe.core.config import load_facts
from optimoe.core.errors import require, require_positive
from optimoe.cost.operators.routing import UNIFORM, Routing


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
    decode_scale: float = 1.0
    prefill_scale: float = 1.0

    def __post_init__(self) -> None:
        for name in ("overlap", "acceptance"):
            require(0 <= getattr(self, name) <= 1, name, "from 0 to 1", getattr(self, name))
        for name in ("draft_tokens", "step_s", "request_s"):
            require(getattr(self, name) >= 0, name, "zero or more", getattr(self, name))
        require_positive(self, "chunk_tokens", "decode_scale", "prefill_scale")
        require(
            self.draft_tokens > 0 or self.acceptance == 0, "acceptance", "0 without draft_tokens", self.acceptance
        )
