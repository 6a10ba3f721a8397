"""Latency tables of Yun's cost from measured deployments, and what of a record means what.

A record is a closed system of b requests, each of a prompt and n tokens of answer. Its end-to-end time is
e2e = TTFT + (n − 1)·TPOT, in which it yields n tokens, so that a step of the b requests, prompts included, takes
exactly

    L(b) = e2e/n = L_prefill(b/n) + L_decode(b),    T = b/L

which is all that the cost asks of a table. The split is not known: L_decode(b) is TPOT, which holds the prompts of
others that fell between two tokens, and L_prefill(b/n) is (TTFT − TPOT)/n, which holds the front end and the wait
for others. It is no matter while n is the record's own: so lengths are never changed here, only sizes and batches
between those that were measured. That requests queued for memory, no record tells: leave such loads out.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from jaxtyping import Float

from optimoe.arch.catalog import find_model
from optimoe.arch.design import one_expert_twin
from optimoe.arch.memory import kv_bytes_per_token
from optimoe.arch.params import count_params
from optimoe.arch.precision.formats import bytes_per_value
from optimoe.arch.spec import ArchSpec
from optimoe.core.errors import ConfigError, require
from optimoe.core.latency import LatencyRecord
from optimoe.cost.published.yun.cost import LatencyTable, Stored

ALIKE = ("gpu", "engine", "engine_version", "precision", "kv_precision", "input_tokens", "output_tokens")
"""Fields in which all records of a set of tables are alike."""


@dataclass(frozen=True, kw_only=True)
class Conditions:
    """What all records of a set of tables have in common.

    Attributes:
        gpu: Accelerator.
        engine: Serving engine.
        engine_version: Its version.
        precision: Of the weights.
        kv_precision: Of the cache.
        input_tokens: p, prompt of a request.
        output_tokens: n, answer of a request.
    """

    gpu: str
    engine: str
    engine_version: str
    precision: str
    kv_precision: str
    input_tokens: int
    output_tokens: int


@dataclass(frozen=True, kw_only=True)
class MeasuredTables:
    """Latency tables of models with one number of experts, and what these models hold.

    Attributes:
        conditions: What all records have in common.
        num_experts: E of all models; 1 is dense.
        models: Their names, the smallest first.
        stored: What each of them holds.
        tables: One for each number of GPUs, the smallest first.
        records: Number of records in the tables.
        left_out: Records that are in no table, by reason.
    """

    conditions: Conditions
    num_experts: int
    models: tuple[str, ...]
    stored: tuple[Stored, ...]
    tables: tuple[LatencyTable, ...]
    records: int
    left_out: tuple[str, ...]

    def between(self, params: float) -> Stored:
        """What a model of a size between the measured ones holds, linear in N as latencies are.

        Raises:
            ConfigError: The size is below or above all of them.
        """
        known = [one.params for one in self.stored]
        limit = f"between {known[0]:g} and {known[-1]:g}, as measured with {self.num_experts} experts"
        require(known[0] <= params <= known[-1], "params", limit, f"{params:g}")
        resident, mu = (
            float(np.interp(params, known, [getattr(one, name) for one in self.stored]))
            for name in ("resident", "mu")
        )
        return Stored(params=params, resident=resident, mu=mu)


def stored(arch: ArchSpec, precision: str = "bf16", kv_precision: str = "bf16") -> Stored:
    """What a model holds, as Yun counts: N of the dense model of one expert, all parameters, and its own µ.

    µ = hl/N^(2/3) with 2·hl the elements that a token adds to the cache: of grouped heads those that are kept. In
    elements of the weights' precision.
    """
    params = float(count_params(one_expert_twin(arch)).nonembedding)
    hl = kv_bytes_per_token(arch, kv_precision) / bytes_per_value(precision) / 2
    return Stored(params=params, resident=float(count_params(arch).total), mu=hl / params ** (2 / 3))


def latency_tables(records: Sequence[LatencyRecord], num_experts: int) -> MeasuredTables:
    """The tables of all models with so many experts, one for each number of GPUs.

    Only records of one copy of the model (dp 1), as Yun's memory has one. Of several layouts or repeats on the
    same GPUs at one load the fastest. Batches are those that were measured for every model of that number of GPUs.

    Args:
        records: Of one GPU, engine, precision and length of requests.
        num_experts: E; 1 is dense.

    Raises:
        ConfigError: The records differ in one of :data:`ALIKE`, their models in k, or none is left.
        UnknownNameError: A record names no known model.
    """
    conditions = _alike(records)
    archs = {record.model: find_model(record.model) for record in records}
    experts = {name: arch.moe.num_experts if arch.moe else 1 for name, arch in archs.items()}
    chosen = [record for record in records if experts[record.model] == num_experts]
    known = ", ".join(str(number) for number in sorted(set(experts.values())))
    require(chosen, "experts", f"one of those that were measured, {known}", num_experts)
    active = sorted({arch.moe.top_k for name, arch in archs.items() if arch.moe and experts[name] == num_experts})
    require(len(active) <= 1, "records", "of models of one top_k", ", ".join(map(str, active)))
    left_out = Counter[str]()
    left_out["of models with another number of experts"] = len(records) - len(chosen)
    whole = [record for record in chosen if record.dp == 1]
    left_out["of several attention ranks: Yun's memory has one copy"] = len(chosen) - len(whole)
    require(whole, "records", "of one copy of the model, dp 1, at least some", f"{len(chosen)} of several")
    held = {
        name: stored(archs[name], conditions.precision, conditions.kv_precision)
        for name in {record.model for record in whole}
    }
    models = sorted(held, key=lambda name: held[name].params)
    fastest = _fastest(whole)
    left_out["slower layouts or repeats of the same load"] = len(whole) - len(fastest)
    tables = [_table(gpus, models, held, fastest) for gpus in sorted({key[0] for key in fastest})]
    used = sum(table.decode_s.size for table in tables)
    left_out["at loads that were not measured for all models"] = len(fastest) - used
    return MeasuredTables(
        conditions=conditions,
        num_experts=num_experts,
        models=tuple(models),
        stored=tuple(held[name] for name in models),
        tables=tuple(table for table in tables if table.decode_s.size),
        records=used,
        left_out=tuple(f"{number} {reason}" for reason, number in left_out.items() if number),
    )


Load = tuple[int, str, float]
"""GPUs, model and requests in flight."""


def _fastest(records: Sequence[LatencyRecord]) -> dict[Load, LatencyRecord]:
    found: dict[Load, LatencyRecord] = {}
    for record in records:
        key = record.num_gpus, record.model, record.concurrency
        if key not in found or _e2e_s(record) < _e2e_s(found[key]):
            found[key] = record
    return found


def _e2e_s(record: LatencyRecord) -> float:
    """Seconds of a whole request: TTFT + (n − 1)·TPOT."""
    return record.ttft_s + (record.output_tokens - 1) * record.tpot_s


def _table(
    gpus: int, models: Sequence[str], held: dict[str, Stored], fastest: dict[Load, LatencyRecord]
) -> LatencyTable:
    loads = {name: {load for number, model, load in fastest if (number, model) == (gpus, name)} for name in models}
    here = [name for name in models if loads[name]]
    batches = sorted(set.intersection(*(loads[name] for name in here)))
    grid = [[fastest[gpus, name, load] for load in batches] for name in here]
    shape = len(here), len(batches)
    answer = next(iter(fastest.values())).output_tokens
    prefill: Float[np.ndarray, "sizes batches"] = np.array(
        [(record.ttft_s - record.tpot_s) / answer for row in grid for record in row], dtype=float
    )
    decode: Float[np.ndarray, "sizes batches"] = np.array(
        [record.tpot_s for row in grid for record in row], dtype=float
    )
    return LatencyTable(
        gpus=gpus,
        params=np.array([held[name].params for name in here], dtype=float),
        batches=np.array(batches, dtype=float),
        prompts=np.array(batches, dtype=float) / answer,
        prefill_s=prefill.reshape(shape),
        decode_s=decode.reshape(shape),
    )


def _alike(records: Sequence[LatencyRecord]) -> Conditions:
    """What all records have in common.

    Raises:
        ConfigError: They differ; names the first field in which they do, and its values.
    """
    require(records, "records", "one or more", 0)
    for name in ALIKE:
        values = sorted({getattr(record, name) for record in records})
        if len(values) > 1:
            shown = ", ".join(map(str, values[:8]))
            raise ConfigError(
                f"{name}: must be one for all records, got {shown}: choose by --{name.replace('_', '-')}"
            )
    return Conditions(**{field.name: getattr(records[0], field.name) for field in fields(Conditions)})
