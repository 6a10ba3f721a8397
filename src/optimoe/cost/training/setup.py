"""What the training software does: precisions, attention kernel, overlap of exchange with arithmetic."""

from dataclasses import dataclass, field
from typing import Literal

from optimoe.arch.quantize import AUTO
from optimoe.core.config import load_facts
from optimoe.core.errors import require, require_positive
from optimoe.core.provenance import Assumption, Basis
from optimoe.cost.kernels.spread import UNIFORM, RoutingSkew
from optimoe.cost.layers.execution import Execution

AttentionKernel = Literal["flash", "unfused"]
TrainPrecision = Literal["bf16", "fp8", "fp32"]

MASTER_BYTES, MOMENT_BYTES, WEIGHT_BYTES = 4, 4, 2
OPTIMIZER_BYTES = MASTER_BYTES + 2 * MOMENT_BYTES
"""Bytes of Adam per parameter: fp32 master weight, first and second moment (ZeRO, arXiv 1910.02054, Sec. 3.1)."""


def training_fact(name: str) -> float:
    """One value of ``training.toml``."""
    return float(load_facts("optimoe.cost", "training.toml")[name]["value"])


def training_range(name: str) -> tuple[float, float]:
    """A pair of values of ``training.toml``."""
    low, high = load_facts("optimoe.cost", "training.toml")[name]["value"]
    return float(low), float(high)


@dataclass(frozen=True, kw_only=True)
class TrainSetup:
    """The training software and how it is set up.

    Attributes:
        precision: Of the products: bf16; fp8 with bf16 weights, gradients and attention; or fp32, all of it, as on
            a CPU.
        attention: ``flash`` never stores the scores; ``unfused`` writes and reads them (before 2022).
        dropout: Whether masks are kept for the backward pass.
        gradient_bytes: Of one gradient at rest and on the wire: 2 (ZeRO's 16 bytes per parameter in total) or
            4 (Megatron-LM's 18).
        routing: How tokens spread over experts.
        tp_overlap, ep_overlap, pp_overlap: Share of that exchange which runs behind arithmetic.
        dp_overlap: Share of the arithmetic behind which gradients and weights travel.
        time_scale: Measured over predicted time of a step; 1 is the bare model. Fitted: ``training.toml``.

    Raises:
        ConfigError: A share is not in [0, 1], or a size or scale is not positive.
    """

    precision: TrainPrecision = "bf16"
    attention: AttentionKernel = "flash"
    dropout: bool = False
    gradient_bytes: int = 4
    routing: RoutingSkew = UNIFORM
    tp_overlap: float = 0.0
    ep_overlap: float = 0.0
    pp_overlap: float = 0.0
    dp_overlap: float = 0.8
    time_scale: float = field(default_factory=lambda: training_fact("time_scale"))

    def __post_init__(self) -> None:
        for name in ("tp_overlap", "ep_overlap", "pp_overlap", "dp_overlap"):
            require(0 <= getattr(self, name) <= 1, name, "from 0 to 1", getattr(self, name))
        require_positive(self, "gradient_bytes")
        require(self.time_scale >= 1, "time_scale", "1 or more", self.time_scale)

    @property
    def execution(self) -> Execution:
        """How the trainer's kernels run: its routing, on fitted kernel times; its precision goes to the model.

        What attention keeps is in fp32 where all is.
        """
        return Execution(routing=self.routing, kv_precision="fp32" if self.precision == "fp32" else AUTO)


def usual_setup(precision: TrainPrecision = "bf16") -> TrainSetup:
    """Megatron-LM as it is run today, and as the rows behind ``time_scale`` take it: the shares that overlap."""
    overlap = training_fact("usual_overlap")
    return TrainSetup(precision=precision, tp_overlap=overlap, pp_overlap=overlap)


def usual_goodput(num_gpus: int) -> float:
    """Time of steps over time that is paid for, 1/(1 + f·n): each of n GPUs stops the run as often as another.

    f is such that 16,384 GPUs reach the 90 % of Llama 3 (``goodput`` of ``training.toml``). Direction: optimistic,
    for evaluation and waits for data take their share on few GPUs too.
    """
    known = load_facts("optimoe.cost", "training.toml")["goodput"]
    each = (1 / float(known["value"]) - 1) / float(known["num_gpus"])
    return 1 / (1 + each * num_gpus)


def usual_hours_ratio() -> float:
    """Published over predicted hours in the median of labs' runs."""
    return float(load_facts("optimoe.cost", "training.toml")["hours_error"]["median"])


def training_sources() -> tuple[Assumption, ...]:
    """The constants of training, each with its basis and source."""
    return tuple(
        Assumption(
            name=name.replace("_", " "), value=str(row["value"]), basis=Basis(row["basis"]), source=row["source"]
        )
        for name, row in load_facts("optimoe.cost", "training.toml").items()
    )
