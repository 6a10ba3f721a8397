"""The serving model as a function of the factors: what a calibration fits.

:class:`ServingModel` is the seam: whatever predicts both latencies of records from factors can be calibrated.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

from optimoe.arch.catalog import find_model
from optimoe.core.errors import InputError
from optimoe.core.latency import LatencyRecord
from optimoe.cost.calibration.factors import Factors
from optimoe.cost.engines.engine import Engine, find_engine
from optimoe.cost.engines.preset import DEFAULT_ENGINE, engine_names
from optimoe.cost.hardware.accelerator import find_accelerator
from optimoe.cost.kernels.fitted import FITTED_NAME
from optimoe.cost.layers.execution import PRECISIONS
from optimoe.cost.layers.layout import Layout, check_layout
from optimoe.cost.layers.machine import Machine
from optimoe.cost.serving.memory import largest_batch
from optimoe.cost.serving.prompts import PromptKernels, prompt_work, side_by_side
from optimoe.cost.serving.step import decode_kernels
from optimoe.cost.serving.systems.batching import Rounds, StepSeconds, closed_system
from optimoe.cost.serving.systems.ranks import LockStep, stacked
from optimoe.cost.serving.workload import Workload


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
class ClosedPrediction:
    """The model of :func:`optimoe.cost.serving.estimate.predict_serving`: continuous batching as a closed system.

    Attributes:
        kernels: Where kernel times come from.
    """

    kernels: str = FITTED_NAME

    def refuses(self, record: LatencyRecord) -> str:
        """Layouts that do not divide the model, and records that queued for memory."""
        arch, engine = find_model(record.model), engine_of(record)
        machine = self._machine(record)
        try:
            check_layout(arch, record.num_gpus, machine.layout)
            most = float(largest_batch(machine, engine, arch, _workload(record)))
        except InputError as error:
            return str(error)
        if _batch(record) > most:
            return f"it queued: a rank holds {max(most, 0):.0f} requests, fewer than {_batch(record):g}"
        return ""

    def bind(self, records: Sequence[LatencyRecord]) -> Predict:
        """The kernels of each record's decode step and prompt, in seconds."""
        timed = [self._kernels(record) for record in records]
        decode_s = np.array([decode_s for decode_s, _ in timed], dtype=float)
        prompts, engine = side_by_side([prompt for _, prompt in timed]), engine_of(records[0])
        batch = np.array([_batch(record) for record in records])
        output = np.array([record.output_tokens for record in records])
        rounds = np.array([record.rounds for record in records])
        stages = np.array([record.pp for record in records])
        length = np.array([record.input_tokens for record in records])
        in_step = np.array([record.fixed_lengths and engine_of(record).prefill_first for record in records])
        spread = np.array([_workload(record).length_spread for record in records])
        ranks = stacked([self._ranks(record) for record in records])

        def predict(factors: Factors) -> Prediction:
            own = factors.on(engine)
            decode, prompt = factors.decode_scale * decode_s, prompts.seconds(own)
            decode = decode + own.host.waited_s(decode, batch / stages)
            front_s = own.host.before_s(length)
            requests = Rounds(output_tokens=output, front_s=front_s, in_step=in_step, rounds=rounds, spread=spread)
            step = StepSeconds(
                decode_s=decode,
                token_s=decode,
                prefill_s=prompt.own_s,
                stage_s=prompt.stall_s,
                together=prompt.together,
            )
            system = closed_system(requests, step, batch=batch, running=batch, ranks=ranks)
            return Prediction(tpot_s=system.tpot_s, ttft_s=system.ttft_s)

        return predict

    def _machine(self, record: LatencyRecord) -> Machine:
        execution = engine_of(record, self.kernels).execution
        return Machine(gpu=find_accelerator(record.gpu), layout=_layout(record), execution=execution)

    def _ranks(self, record: LatencyRecord) -> LockStep:
        """Its attention ranks, as far as they have requests."""
        locked = LockStep.of(self._machine(record), engine_of(record), find_model(record.model), _workload(record))
        return locked.at(record.concurrency / record.dp)

    def _kernels(self, record: LatencyRecord) -> tuple[float, PromptKernels]:
        """Kernels of a decode step in seconds, and those of the steps that read a prompt."""
        machine, arch, batch = self._machine(record), find_model(record.model), _batch(record)
        engine, workload = engine_of(record), _workload(record)
        decoding = decode_kernels(machine, engine, arch, batch, workload.mean_context)
        return float(decoding.total_s), prompt_work(machine, engine, arch, workload, batch, decoding)


def engine_of(record: LatencyRecord, kernels: str = FITTED_NAME) -> Engine:
    """The preset of the record's engine, or the default one, in the record's precisions."""
    name = record.engine if record.engine in engine_names() else DEFAULT_ENGINE
    words = {word: getattr(record, word) for word in (*PRECISIONS, "kv_precision")}
    return find_engine(name, kernels=kernels, **words)


def _layout(record: LatencyRecord) -> Layout:
    return Layout(tp=record.tp, ep=record.ep, pp=record.pp, dp=record.dp)


def _workload(record: LatencyRecord) -> Workload:
    return Workload(
        input_tokens=record.input_tokens,
        output_tokens=record.output_tokens,
        fixed_lengths=record.fixed_lengths,
        rounds=record.rounds,
    )


def _batch(record: LatencyRecord) -> float:
    return max(record.concurrency / record.dp, 1.0)
