"""What the serving software does: how its kernels run, its chunks and drafts, and the time it takes itself."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal

from optimoe.core.errors import require, require_choice, require_positive
from optimoe.core.provenance import Basis
from optimoe.cost.engines.host import HostTimes
from optimoe.cost.engines.measured import Calibrated
from optimoe.cost.engines.pool import CachePool
from optimoe.cost.engines.preset import DEFAULT_ENGINE, engine_preset
from optimoe.cost.engines.reserve import Reserve
from optimoe.cost.kernels.find import kernels_of
from optimoe.cost.kernels.fitted import FITTED_NAME
from optimoe.cost.layers.execution import Execution

Sampling = Literal["greedy", "top-p"]
"""How the next token is taken from the logits."""

FROM_PRESET = ("basis", "host", "era", "kv_of", "prefill_first", "align_steps", "reserve", "pool")
"""Fields of an engine that its preset states."""


@dataclass(frozen=True, kw_only=True)
class Engine:
    """A serving engine and how it is set up.

    Attributes:
        name: What it is called: that of its preset, or of the file.
        basis: How its times of the host were obtained.
        era: Year of the software whose host times these are; empty for the years of the shipped coefficients.
        execution: Precisions, routing, overlap, and the source of kernel times.
        chunk_tokens: Most tokens of prompts that one step takes in; also sizes the activations.
        draft_tokens: Tokens drafted per step by speculative decoding; 0 is plain decoding.
        acceptance: Probability that a drafted token is accepted, given that those before it were.
        host: Seconds that it takes itself, beside the kernels.
        reserve: Memory that it takes beside weights and cache.
        pool: How it deals the cache out.
        memory_share: Share of the memory that it plans with (vLLM's ``--gpu-memory-utilization``, SGLang's
            ``--mem-fraction-static``, TensorRT-LLM's share of the free); 0 is the engine's own.
        kv_of: Format of the cache by format of the weights, where neither checkpoint nor user states one.
        sampling: How the next token is taken: the likeliest (``greedy``), or drawn within top-k and top-p.
        prefill_first: Waiting prompts are read before any further token is decoded.
        align_steps: Most steps for which prompts are held back until every attention rank that shares experts
            has one; 0 is not at all.
        decode_scale, prefill_scale: Measured over predicted time of the kernels, 1 uncalibrated.
        calibrated: The calibration that was asked for, be it in use or not.

    Raises:
        ConfigError: The acceptance is not in [0, 1], or a size is negative.
    """

    name: str = DEFAULT_ENGINE
    basis: Basis = Basis.FITTED
    era: str = ""
    execution: Execution = field(
        default_factory=lambda: Execution(kernels=kernels_of(FITTED_NAME, DEFAULT_ENGINE))
    )
    chunk_tokens: int = 8192
    draft_tokens: int = 0
    acceptance: float = 0.0
    host: HostTimes = field(default_factory=lambda: engine_preset(DEFAULT_ENGINE).host)
    reserve: Reserve = field(default_factory=lambda: engine_preset(DEFAULT_ENGINE).reserve)
    pool: CachePool = field(default_factory=lambda: engine_preset(DEFAULT_ENGINE).pool)
    memory_share: float = 0.0
    kv_of: Mapping[str, str] = field(default_factory=lambda: engine_preset(DEFAULT_ENGINE).kv_of)
    sampling: Sampling = "greedy"
    prefill_first: bool = False
    align_steps: int = 0
    decode_scale: float = 1.0
    prefill_scale: float = 1.0
    calibrated: Calibrated | None = None

    @property
    def sampling_passes(self) -> float:
        """Passes over the logits of a token on the GPU, in fp32: one for the largest, those of the engine else."""
        return 1.0 if self.sampling == "greedy" else self.host.sampling_passes

    def __post_init__(self) -> None:
        require_choice(self.sampling, "sampling", Sampling)
        require(0 <= self.acceptance <= 1, "acceptance", "from 0 to 1", self.acceptance)
        for name in ("draft_tokens", "align_steps"):
            require(getattr(self, name) >= 0, name, "zero or more", getattr(self, name))
        require(0 <= self.memory_share <= 1, "memory_share", "above 0, at most 1", self.memory_share)
        require_positive(self, "chunk_tokens", "decode_scale", "prefill_scale")
        require(
            self.draft_tokens > 0 or self.acceptance == 0, "acceptance", "0 without draft_tokens", self.acceptance
        )


def find_engine(name: str, **setup: Any) -> Engine:
    """An engine's preset, with the rest of its set-up and its own kernels.

    Args:
        name: An engine of :func:`engine_names`, or a file of one's own with the same fields.
        setup: Fields of :class:`Engine` and of its :class:`~optimoe.cost.layers.execution.Execution` alike.

    Raises:
        UnknownNameError: No preset of that name; lists the nearest.
        ConfigError: The file describes no engine; names the file, the field, the limit and the value.
    """
    preset = engine_preset(name)
    names = {field.name for field in fields(Execution)}
    setup["kernels"] = kernels_of(setup.get("kernels", FITTED_NAME), preset.name)
    execution = Execution(**{word: value for word, value in setup.items() if word in names})
    rest = {word: value for word, value in setup.items() if word not in names}
    own = {name: rest.pop(name, getattr(preset, name)) for name in FROM_PRESET}
    return Engine(name=preset.name, execution=execution, **own, **rest)
