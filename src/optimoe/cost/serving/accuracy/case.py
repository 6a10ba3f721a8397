"""What an answer is about, as far as something may never have been measured of it."""

import math
from dataclasses import dataclass

import numpy as np

from optimoe.arch.parts import DenseFFN, MoE
from optimoe.arch.spec import ArchSpec
from optimoe.cost.engines.engine import Engine
from optimoe.cost.engines.measured import Calibrated, Measured
from optimoe.cost.hardware.accelerator import Accelerator
from optimoe.cost.layers.layout import Layout
from optimoe.cost.serving.accuracy.coverage import shipped_coverage
from optimoe.cost.serving.estimate import Deployment, ServingEstimate


@dataclass(frozen=True, kw_only=True)
class Case:
    """An answer as its evidence sees it.

    Attributes:
        arch: The model.
        gpu: The accelerator.
        engine: The software.
        layout: Degrees of parallelism.
        nodes: Nodes over which the ranks of one layer exchange with each other.
        requests: Running requests of an attention rank.
        context: Tokens in the cache of a request, in the mean of its decoding.
        shares: Share of TPOT by cause.
        ttft_share: Share of a request before its first token.
        formats: Formats of the weights of dense products and of routed experts.
        measured: The deployments that stand behind the engine's coefficients.
    """

    arch: ArchSpec
    gpu: Accelerator
    engine: Engine
    layout: Layout
    nodes: int
    requests: float
    context: float
    shares: dict[str, float]
    ttft_share: float
    formats: dict[str, str]
    measured: tuple[Measured, ...]

    @classmethod
    def of(cls, arch: ArchSpec, deployment: Deployment, estimate: ServingEstimate) -> "Case":
        """What a single estimate is about."""
        layout, gpu = estimate.layout, deployment.cluster.accelerator
        running = np.minimum(estimate.concurrency, np.maximum(estimate.max_batch, 1.0)) / layout.dp
        tpot_s, ttft_s = float(estimate.tpot_s), float(estimate.ttft_s)
        decoding_s = (deployment.workload.output_tokens - 1) * tpot_s
        return cls(
            arch=arch,
            gpu=gpu,
            engine=deployment.engine,
            layout=layout,
            nodes=math.ceil(float(np.max(layout.group)) / gpu.linked_gpus),
            requests=max(float(running), 1.0),
            context=deployment.workload.mean_context,
            shares=shares(estimate),
            ttft_share=ttft_s / (ttft_s + decoding_s),
            formats=formats(deployment.serves(arch)),
            measured=own.measured if (own := used_calibration(deployment.engine)) else shipped_coverage(),
        )

    @property
    def routed(self) -> bool:
        """Whether any layer routes."""
        return any(isinstance(group.ffn, MoE) for group in self.arch.layers)

    @property
    def words(self) -> str:
        """GPU, formats and engine, as a line names them."""
        return f"{self.gpu.name} {'/'.join(dict.fromkeys(self.formats.values()))} {self.engine.name}"


def shares(estimate: ServingEstimate) -> dict[str, float]:
    """Share of the time per token by cause, of a percentile as of the mean that its parts are of."""
    seconds = {cause: float(part) for cause, part in estimate.parts.items()}
    total_s = sum(seconds.values())
    return {cause: part / total_s for cause, part in seconds.items()} if total_s else {}


def used_calibration(engine: Engine) -> Calibrated | None:
    """The calibration whose factors the engine has; none where the shipped ones stand."""
    return engine.calibrated if engine.calibrated and not engine.calibrated.unused else None


def formats(served: ArchSpec) -> dict[str, str]:
    """Format of the weights by family of kernels: ``gemm`` of dense products, ``experts`` of routed ones.

    Args:
        served: The model in the formats in which it is served.
    """
    found: dict[str, str] = {}
    for group in served.layers:
        dense = "dense_ffn" if isinstance(group.ffn, DenseFFN) else "attention"
        found.setdefault("gemm", group.precisions.of(dense))
        if isinstance(group.ffn, MoE):
            found.setdefault("experts", group.precisions.routed_experts)
    return found
