"""The dense model as fast as a routed one, measured and predicted: where between active and total size is it?"""

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from optimoe.arch.catalog import find_model
from optimoe.arch.params import ParamCount, count_params
from optimoe.core.latency import LatencyRecord

LatencyName = Literal["tpot", "ttft"]


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
        predicted_position: The same by what was predicted of the routed and of the dense ones.
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
    predicted_position: float
    beyond: bool


Twin = tuple[LatencyRecord, LatencyRecord, ParamCount]
"""What was measured, the same as it was predicted, and the model's size."""


def dense_equivalents(
    records: Sequence[LatencyRecord], predicted: Sequence[LatencyRecord]
) -> tuple[EquallyFastDense, ...]:
    """The dense equivalents of every routed model that was measured beside two dense ones under the same load.

    ln N is interpolated over ln latency between the dense models next to it, of one engine and version, machine,
    layout, precision and load; where a larger dense model was the faster one, over those that are in order.

    Args:
        records: Measured; those of dense models say what a size costs.
        predicted: Each of them with the latencies that were predicted.
    """
    groups: dict[tuple[object, ...], list[Twin]] = defaultdict(list)
    for record, thought in zip(records, predicted, strict=True):
        groups[_alike(record)].append((record, thought, count_params(find_model(record.model))))
    found = [
        one for group in groups.values() for latency in get_args(LatencyName) for one in _between(group, latency)
    ]
    return tuple(sorted(found, key=lambda one: (one.engine, one.latency, one.params_total, one.model)))


def _between(group: Sequence[Twin], latency: LatencyName) -> Iterator[EquallyFastDense]:
    """The routed models of one load, each between the dense ones."""
    dense = [twin for twin in group if twin[2].active == twin[2].total]
    measured = _in_order([(float(size.total), _seconds(record, latency)) for record, _, size in dense])
    predicted = _in_order([(float(size.total), _seconds(thought, latency)) for _, thought, size in dense])
    if min(len(measured), len(predicted)) < 2:
        return
    for record, thought, counts in group:
        if counts.active == counts.total:
            continue
        params, beyond = _at(measured, _seconds(record, latency))
        expected, _ = _at(predicted, _seconds(thought, latency))
        active, total = float(counts.active), float(counts.total)
        yield EquallyFastDense(
            model=record.model,
            engine=record.engine,
            latency=latency,
            concurrency=record.concurrency,
            params=params,
            params_active=active,
            params_total=total,
            position=_place(params, active, total),
            predicted_position=_place(expected, active, total),
            beyond=beyond,
        )


def _place(params: float, active: float, total: float) -> float:
    """Where a size lies between two others, by its logarithm: 0 at the first and 1 at the second."""
    return math.log(params / active) / math.log(total / active)


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
