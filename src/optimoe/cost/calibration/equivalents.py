"""The dense model as fast as a routed one, by what was measured: where between active and total size is it?"""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from optimoe.arch.catalog import find_model
from optimoe.arch.params import ParamCount, count_params
from optimoe.core.latency import LatencyRecord

LatencyName = Literal["ttft", "tpot"]


@dataclass(frozen=True, kw_only=True)
class EquallyFastDense:
    """A dense model that was as fast as a routed one, between two dense models that were measured alike.

    Attributes:
        model: The routed one, as its record names it.
        engine: That served it.
        latency: Which latency is equal.
        concurrency: Requests in flight.
        params: Of the dense model: by the logarithm of the latency between the two nearest that were measured.
        params_active, params_total: Of the routed one.
        position: ln(params/active) ÷ ln(total/active): 0 as fast as its active size, 1 as its total size.
        beyond: Whether it was faster or slower than all the dense models, so that ``params`` is the nearest one's:
            at most or at least.
    """

    model: str
    engine: str
    latency: LatencyName
    concurrency: float
    params: float
    params_active: float
    params_total: float
    position: float
    beyond: bool


def dense_equivalents(records: Sequence[LatencyRecord]) -> tuple[EquallyFastDense, ...]:
    """The dense equivalents of every routed model that was measured beside two dense ones under the same load.

    ln N is interpolated over ln latency between the dense models next to it, of one engine and version, machine,
    layout, precision and load; where a larger dense model was the faster one, over those that are in order.

    Args:
        records: Measured; those of dense models say what a size costs.
    """
    groups: dict[tuple[object, ...], list[LatencyRecord]] = defaultdict(list)
    for record in records:
        groups[_alike(record)].append(record)
    found = []
    for group in groups.values():
        dense, routed = list[tuple[LatencyRecord, ParamCount]](), list[tuple[LatencyRecord, ParamCount]]()
        for record in group:
            counts = count_params(find_model(record.model))
            (routed if counts.active < counts.total else dense).append((record, counts))
        for latency in ("ttft", "tpot"):
            curve = _in_order([(float(counts.total), _seconds(record, latency)) for record, counts in dense])
            if len(curve) < 2:
                continue
            for record, counts in routed:
                params, beyond = _at(curve, _seconds(record, latency))
                active, total = float(counts.active), float(counts.total)
                found.append(
                    EquallyFastDense(
                        model=record.model,
                        engine=record.engine,
                        latency=latency,
                        concurrency=record.concurrency,
                        params=params,
                        params_active=active,
                        params_total=total,
                        position=math.log(params / active) / math.log(total / active),
                        beyond=beyond,
                    )
                )
    return tuple(found)


def _alike(record: LatencyRecord) -> tuple[object, ...]:
    """What two records must share to be compared."""
    machine = record.gpu, record.num_gpus, record.tp, record.ep, record.pp, record.dp
    numbers = record.precision, record.kv_precision
    load = record.input_tokens, record.output_tokens, record.concurrency
    return (record.engine, record.engine_version, *machine, *numbers, *load)


def _seconds(record: LatencyRecord, latency: str) -> float:
    return record.ttft_s if latency == "ttft" else record.tpot_s


def _in_order(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Sizes with their seconds, without those that were no slower than a smaller one."""
    kept: list[tuple[float, float]] = []
    for params, seconds in sorted(points):
        if not kept or (params > kept[-1][0] and seconds > kept[-1][1]):
            kept.append((params, seconds))
    return kept


def _at(curve: list[tuple[float, float]], seconds: float) -> tuple[float, bool]:
    """The size that takes so many seconds, and whether it lies beyond the curve, whose end it then is."""
    log_params, log_seconds = np.log(curve).T
    params = math.exp(np.interp(math.log(seconds), log_seconds, log_params))
    return params, not curve[0][1] <= seconds <= curve[-1][1]
