"""The serving software and how it is set up."""

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from optimoe.arch.quantize import AUTO
from optimoe.core.errors import InputError, require
from optimoe.inputs.quantities import Flag, Quantity, Several, parts, whole
from optimoe.inputs.sources import CalibrationName, EngineName

if TYPE_CHECKING:
    from optimoe.arch.spec import ArchSpec
    from optimoe.cost.engines.engine import Engine
    from optimoe.cost.hardware.accelerator import Accelerator


@Parameter(name="*", group="Engine")
@dataclass(frozen=True, kw_only=True)
class EngineChoice:
    """The serving software, its precisions and how it is set up."""

    engine: EngineName = "vllm"
    """Serving engine: vllm, sglang, trtllm, or a TOML file of your own."""
    precision: Several = AUTO
    """Precision of the served weights: auto is the checkpoint's own (bf16 of a design); or bf16, fp8, int8, int4,
    nvfp4 (of all linear layers), mxfp4 (of feed-forwards). In `plan` several by comma, and auto is the cheapest of
    bf16, fp8 and nvfp4 that the GPU multiplies in."""
    expert_precision: str = AUTO
    """Precision of routed and shared experts, where it is another than of the rest."""
    attention_precision: str = AUTO
    """Precision of the projections of attention, where it is another."""
    embedding_precision: str = AUTO
    """Precision of the embedding; bf16 unless stated here or by the checkpoint."""
    head_precision: str = AUTO
    """Precision of the unembedding; bf16 unless stated here or by the checkpoint."""
    activation_precision: str = AUTO
    """Precision of what enters the products of quantised weights; bf16 is weight-only."""
    kv_precision: Several = AUTO
    """Precision of the cache: bf16, fp8, int8, int4; auto is what the checkpoint asks for, or the engine takes for
    its weights."""
    kernels: str = "fitted"
    """Where kernel times come from: fitted, silicon, silicon:sglang, silicon:trtllm (extra `silicon`)."""
    calibration: CalibrationName = ""
    """Measured factors of an engine's version: a name that ships, or a file of `cost calibrate`."""
    zipf: float = 0.0
    """Skew of routing: load of an expert ∝ rank^(−zipf); 0 is uniform."""
    balanced_ranks: Flag = False
    """Hot experts are placed, and copied, so that ranks are loaded alike."""
    overlap: float = 0.0
    """Share of the exchange between GPUs that runs behind arithmetic."""
    memory_share: Annotated[
        float | None, Parameter(alias=("--gpu-memory-utilization", "--mem-fraction-static"))
    ] = None
    """Share of a GPU's memory that the engine plans with, instead of its own default."""
    chunk_tokens: Quantity = 8192.0
    """Most prompt tokens of one step."""
    align_steps: int | None = None
    """Most steps for which prompts are held back until every attention rank has one (TensorRT-LLM:
    attention_dp_config, timeout_iters), instead of the engine's own default."""
    draft_tokens: int = 0
    """Tokens drafted per step (speculative decoding, MTP)."""
    acceptance: float = 0.0
    """Probability that a drafted token is accepted."""

    def engines(self, gpu: "Accelerator | None" = None, arch: "ArchSpec | None" = None) -> "tuple[Engine, ...]":
        """The engine with each precision of the weights and of the cache, in the order in which they are stated.

        Args:
            gpu: That serves, where it is known: a calibration holds for its own GPUs.
            arch: The model that is served, where it is known: a calibration holds for its own models.

        Raises:
            UnknownNameError: No engine, kernels or calibration of that name.
            ConfigError: A number is out of limits.
        """
        return tuple(
            self._engine(*pair, gpu, arch) for pair in product(parts(self.precision), parts(self.kv_precision))
        )

    def searched(self, gpu: "Accelerator") -> "tuple[Engine, ...]":
        """The engines of a plan: as stated, or, where no format is, with each in which the GPU multiplies faster.

        The first has the plain format. A calibration holds for the formats of its records: beside one the plain
        format alone is taken.

        Args:
            gpu: That serves.

        Raises:
            UnknownNameError: No engine, kernels or calibration of that name.
            ConfigError: A number is out of limits.
        """
        from dataclasses import replace

        from optimoe.cost.hardware.arithmetic import fast_formats

        stated = (self.precision, self.expert_precision, self.attention_precision, self.activation_precision)
        if self.calibration or any(one != AUTO for one in stated):
            return self.engines(gpu)
        return replace(self, precision=",".join((AUTO, *fast_formats(gpu)))).engines(gpu)

    def only_engine(self, gpu: "Accelerator | None" = None, arch: "ArchSpec | None" = None) -> "Engine":
        """The engine, where one precision is asked for; arguments as in :meth:`engines`.

        Raises:
            InputError: Several precisions are stated.
            UnknownNameError: No engine, kernels or calibration of that name.
            ConfigError: A number is out of limits.
        """
        for name in ("precision", "kv_precision"):
            if len(parts(getattr(self, name))) > 1:
                raise InputError(f"--{name.replace('_', '-')}: must be one here, got {getattr(self, name)!r}")
        return self.engines(gpu, arch)[0]

    def _memory_share(self) -> float:
        """The share that is stated; 0 is the engine's own.

        Raises:
            ConfigError: It is not above 0 and at most 1.
        """
        share = self.memory_share
        require(share is None or 0 < share <= 1, "--memory-share", "above 0, at most 1", share)
        return share or 0.0

    def _engine(
        self, precision: str, kv_precision: str, gpu: "Accelerator | None", arch: "ArchSpec | None"
    ) -> "Engine":
        from optimoe.cost.engines.engine import find_engine
        from optimoe.cost.kernels.spread import RoutingSkew

        stated = {} if self.align_steps is None else {"align_steps": self.align_steps}
        engine = find_engine(
            self.engine,
            precision=precision,
            expert_precision=self.expert_precision,
            attention_precision=self.attention_precision,
            embedding_precision=self.embedding_precision,
            head_precision=self.head_precision,
            activation_precision=self.activation_precision,
            kv_precision=kv_precision,
            routing=RoutingSkew(zipf=self.zipf, balanced_ranks=self.balanced_ranks),
            overlap=self.overlap,
            memory_share=self._memory_share(),
            chunk_tokens=whole("chunk_tokens", self.chunk_tokens),
            draft_tokens=self.draft_tokens,
            acceptance=self.acceptance,
            kernels=self.kernels,
            **stated,
        )
        if not self.calibration:
            return engine
        from optimoe.cost.calibration import calibrated, find_calibration

        return calibrated(find_calibration(self.calibration), engine, gpu, arch)
