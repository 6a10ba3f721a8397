"""The serving model as a function of the factors: what a calibration fits.

:class:`ServingModel` is the seam: whatever predicts both latencies of records from factors can be calibrated.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

from optimoe.arch.catalog import find_model
from optimoe.arch.spec import ArchSpec
from optimoe.core.arrays import Values
from optimoe.core.errors import InputError
from optimoe.core.latency import LatencyRecord
from optimoe.cost.accelerator import Cluster, find_accelerator
from optimoe.cost.calibration.factors import Factors
from optimoe.cost.kernels import FITTED, KernelSource
from optimoe.cost.roofline import Machine, decode_step, engine_s, prefill_step
from optimoe.cost.serving import Layout, check_layout, largest_batch
from optimoe.cost.workload import Workload


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """Latencies of records, in their order.

    Attributes:
        tpot_s: Time per output token.
        ttft_s: Time to first token.
    """

    tpot_s: Float[np.ndarray, " records"]
    ttft_s: Float[np.ndarray, " records"]


Predict = Callable[[Factors], Prediction]


@runtime_checkable
class ServingModel(Protocol):
    """Predicts records from factors."""

    def refuses(self, record: LatencyRecord) -> str:
        """Why a record cannot be used; empty where it can.

        Raises:
            InputError: The record names no known model or accelerator.
        """

    def bind(self, records: Sequence[LatencyRecord]) -> Predict:
        """What depends on the records alone, once; the returned function is called for many factors."""


@dataclass(frozen=True, kw_only=True)
class ClosedSystem:
    """The model of :func:`optimoe.cost.serving.predict_serving`: continuous batching as a closed system.

    Attributes:
        kernels: Where kernel times come from.
    """

    kernels: KernelSource = FITTED

    def refuses(self, record: LatencyRecord) -> str:
        """Expert parallelism, pipelines, and records that queued for memory."""
        if record.ep > 1 or record.pp > 1:
            return "expert parallelism and pipeline stages are not predicted"
        arch, cluster = find_model(record.model), _replica(record)
        try:
            check_layout(arch, cluster, Layout(tp=record.tp, dp=1))
            most = largest_batch(self._machine(record), arch, _workload(record))
        except InputError as error:
            return str(error)
        if record.concurrency / record.dp > most:
            return f"it queued: a replica holds {max(most, 0):.0f} requests, fewer than {record.concurrency:g}"
        return ""

    def bind(self, records: Sequence[LatencyRecord]) -> Predict:
        """The kernels of each record's decode step and prompt, in seconds."""
        decode_s, prefill_s = np.array([self._kernels_s(record) for record in records], dtype=float).T
        batch = np.array([_batch(record) for record in records])
        output = np.array([record.output_tokens for record in records], dtype=float)

        def predict(factors: Factors) -> Prediction:
            decode = factors.kernel_scale * decode_s + factors.step_s + factors.request_s * batch
            prefill = factors.prefill_scale * prefill_s + factors.step_s + factors.request_s
            tpot_s, ttft_s = closed_system(decode, prefill, batch, output, factors.wait_scale)
            return Prediction(tpot_s=tpot_s, ttft_s=ttft_s)

        return predict

    def _kernels_s(self, record: LatencyRecord) -> tuple[float, float]:
        """Seconds of the kernels of a decode step and of a prompt, without the engine's own time."""
        arch: ArchSpec = find_model(record.model)
        machine, batch, workload = self._machine(record), _batch(record), _workload(record)
        decode_s = decode_step(machine, arch, batch, workload.mean_context).total_s - engine_s(batch)
        prefill_s = prefill_step(machine, arch, workload.input_tokens).total_s - engine_s(1)
        return float(decode_s), float(prefill_s)

    def _machine(self, record: LatencyRecord) -> Machine:
        return Machine(
            gpu=find_accelerator(record.gpu),
            tp=record.tp,
            precision=record.precision,
            kv_precision=record.kv_precision,
            kernels=self.kernels,
        )


def closed_system(
    decode_s: Values, prefill_s: Values, batch: Values, output_tokens: Values, wait_scale: float = 1.0
) -> tuple[Values, Values]:
    """TPOT and TTFT of a replica with b running requests.

    TPOT = t_decode + (b − 1)/output · t_prefill and TTFT = t_decode + (1 + w·(√b − 1)) · t_prefill, with
    w = ``wait_scale``; where that is 1 they are those of ``predict_serving``.
    """
    tpot_s = decode_s + (batch - 1) / output_tokens * prefill_s
    return tpot_s, decode_s + (1 + wait_scale * (np.sqrt(batch) - 1)) * prefill_s


def _replica(record: LatencyRecord) -> Cluster:
    return Cluster(accelerator=find_accelerator(record.gpu), num_gpus=record.tp)


def _workload(record: LatencyRecord) -> Workload:
    return Workload(input_tokens=record.input_tokens, output_tokens=record.output_tokens)


def _batch(record: LatencyRecord) -> float:
    return max(record.concurrency / record.dp, 1.0)
