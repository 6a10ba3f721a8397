"""Seconds of one step, prefill or decode, by what they are spent on.

The kernels of the layers follow each other on every GPU, each on its share of the heads, widths and experts;
their times are those of ``optimoe.cost.kernels``, fitted to measured kernels:

    t = Σ_layers (projections + mixing + feed-forward + exchange) + unembedding + stages + engine

The exchange of a layer is two all-reduces over ``tp``; where attention ranks share experts, dispatch and
combine take the place of the second. The engine adds what no kernel table holds: seconds per step
(scheduler) and per request (sampling). Sources: ``data/operators/``, ``data/efficiency.toml``.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace

import numpy as np

from optimoe.arch.parts import Mixer
from optimoe.arch.spec import ArchSpec
from optimoe.core.arrays import Values
from optimoe.core.config import load_facts
from optimoe.core.grid import add, map_numbers
from optimoe.core.provenance import Assumption, Basis
from optimoe.cost.engines.engine import Engine
from optimoe.cost.engines.served import as_served
from optimoe.cost.facts import OPERATORS, operator_table
from optimoe.cost.layers.exchange import all_to_all_s, pipeline_s, tensor_parallel_s
from optimoe.cost.layers.machine import LayerKernel, Machine
from optimoe.cost.layers.parts.mixers import decode_mixing, prefill_mixing
from optimoe.cost.layers.parts.small import small_kernels
from optimoe.cost.layers.parts.whole import layer_kernels
from optimoe.cost.layers.weights import weights_per_gpu

LOGIT_BYTES = 4
"""Engines take the next token from logits in fp32."""

Mix = Callable[[Mixer], Iterator[LayerKernel]]


@dataclass(frozen=True, kw_only=True)
class StepTime:
    """Seconds of a step by cause; a kernel's time goes to the side of its roofline that binds.

    ``host_reads_s`` are experts that come from the host's memory, ``all_to_all_s`` dispatch and combine,
    ``pipeline_s`` what stages send each other.
    """

    compute_s: Values
    weight_reads_s: Values
    expert_reads_s: Values
    kv_reads_s: Values
    host_reads_s: Values
    all_reduce_s: Values
    all_to_all_s: Values
    pipeline_s: Values
    launch_s: Values

    @property
    def total_s(self) -> Values:
        """Seconds of the whole step, all causes together."""
        return sum(getattr(self, field.name) for field in fields(self))

    def __add__(self, other: "StepTime") -> "StepTime":
        return add(self, other)

    def times(self, factor: Values) -> "StepTime":
        """The step with every cause's seconds multiplied."""
        return map_numbers(self, lambda seconds: factor * seconds)


def efficiency_sources() -> tuple[Assumption, ...]:
    """The constants of the cost model, each with its basis and source."""
    kernels = operator_table("gemm")
    families = ", ".join(name.replace("_", " ") for name in OPERATORS)
    curves = Assumption(
        name="kernel times",
        value=f"by shape: {families}",
        basis=Basis(kernels["basis"]),
        source=kernels["source"],
    )
    return (
        curves,
        *(
            Assumption(
                name=name.replace("_", " "),
                value=str(row.get("value", "by protocol")),
                basis=Basis(row["basis"]),
                source=row["source"],
            )
            for name, row in load_facts("optimoe.cost", "efficiency.toml").items()
        ),
    )


def decode_step(machine: Machine, engine: Engine, arch: ArchSpec, batch: Values, context: Values) -> StepTime:
    """One step of the ``batch`` requests of an attention rank, each with ``context`` tokens in the cache.

    With pp stages the batch runs as pp micro-batches, one in each stage: the time is that of one micro-batch
    through all stages. With n drafted tokens a step verifies n + 1 tokens of each request, after n passes of a
    one-layer draft (an MTP module: DeepSeek-V3, arXiv 2412.19437, Sec. 2.2).
    """
    verified = decode_kernels(machine, engine, arch, batch, context)
    return decode_with_host(machine, engine, arch, batch, context, verified)


def decode_kernels(machine: Machine, engine: Engine, arch: ArchSpec, batch: Values, context: Values) -> StepTime:
    """The kernels of one decode step of the model itself: no drafts, no host."""
    machine, arch = _at_hand(*as_served(machine, engine, arch))
    micro, queries = micro_batch(machine, batch), engine.draft_tokens + 1

    def mix(mixer: Mixer) -> Iterator[LayerKernel]:
        return decode_mixing(mixer, machine, arch.d_model, micro, context, queries)

    step = _step(machine, arch, mix, tokens=micro * queries, logits=micro * queries)
    return replace(step, compute_s=step.compute_s + sampling_s(machine, engine, arch, micro * queries))


def decode_with_host(
    machine: Machine, engine: Engine, arch: ArchSpec, batch: Values, context: Values, verified: StepTime
) -> StepTime:
    """:func:`decode_step` whose kernels of the model itself are known: with the passes of drafts, and the host."""
    micro, step = micro_batch(machine, batch), verified
    if engine.draft_tokens:
        head = replace(arch, layers=(replace(arch.layers[-1], num_layers=1, reused=False),))
        plain = replace(engine, draft_tokens=0, acceptance=0.0)
        step = step + decode_kernels(machine, plain, head, batch, context).times(engine.draft_tokens)
    step = step.times(engine.decode_scale)
    return replace(step, launch_s=step.launch_s + engine.host.waited_s(step.total_s, micro))


def micro_batch(machine: Machine, batch: Values) -> Values:
    """Requests that decode together: those of a rank over its stages, at least one."""
    return np.maximum(np.asarray(batch, dtype=float) / machine.layout.pp, 1.0)


def prefill_step(machine: Machine, engine: Engine, arch: ArchSpec, length: Values, past: Values = 0) -> StepTime:
    """A prompt on each attention rank: ``length`` tokens after ``past`` cached ones, logits of the last only."""
    step = prompt_kernels(machine, engine, arch, length=length, past=past).times(engine.prefill_scale)
    return replace(step, launch_s=step.launch_s + engine.host.waited_s(step.total_s, 1))


def prompt_kernels(
    machine: Machine,
    engine: Engine,
    arch: ArchSpec,
    *,
    length: Values,
    past: Values = 0,
    prompts: Values = 1,
    beside: Values | None = None,
    context: Values = 1,
) -> StepTime:
    """The kernels of a step that reads prompts, alone or beside the tokens of requests that decode.

    Args:
        machine: The GPUs.
        engine: Its drafted tokens are verified in the same step.
        arch: The model.
        length: Tokens of each prompt.
        past: Tokens of each that are cached already.
        prompts: How many the step reads, on each attention rank.
        beside: Requests of a rank that decode in the same step, in its pipeline stage; none if not given.
        context: Tokens in the cache of each of those.
    """
    machine, arch = _at_hand(*as_served(machine, engine, arch))
    queries = engine.draft_tokens + 1

    def mix(mixer: Mixer) -> Iterator[LayerKernel]:
        yield from prefill_mixing(mixer, machine, arch.d_model, length, past, prompts)
        if beside is not None:
            yield from decode_mixing(mixer, machine, arch.d_model, beside, context, queries)

    rows: Values = 0 if beside is None else beside * queries
    step = _step(machine, arch, mix, tokens=prompts * length + rows, logits=prompts + rows)
    return replace(step, compute_s=step.compute_s + sampling_s(machine, engine, arch, prompts + rows))


def _at_hand(machine: Machine, arch: ArchSpec) -> tuple[Machine, ArchSpec]:
    """The machine with its memory as fast as steps over the model's weights find it, be they in a CPU's cache."""
    gpu = machine.gpu
    if not gpu.cache_bytes_per_s:
        return machine, arch
    return replace(machine, gpu=gpu.reading(weights_per_gpu(machine, arch))), arch


def sampling_s(machine: Machine, engine: Engine, arch: ArchSpec, logits: Values) -> Values:
    """Seconds in which a GPU takes the next token from rows of logits: passes · rows · vocabulary · 4/bandwidth.

    Every GPU of a rank has the whole rows, so that tensor parallelism does not shorten it.
    """
    num_bytes = engine.sampling_passes * logits * arch.logits * LOGIT_BYTES
    return num_bytes / machine.gpu.memory_bytes_per_s


def _step(machine: Machine, arch: ArchSpec, mix: Mix, tokens: Values, logits: Values) -> StepTime:
    """Sum the kernels of a pass over ``tokens`` of an attention rank, ``logits`` of which need one row each."""
    causes: dict[str, Values] = {"compute": 0.0, "weights": 0.0, "experts": 0.0, "kv": 0.0, "host": 0.0}
    launch_s: Values = 0.0
    for times, one in _kernels(machine, arch, mix, tokens, logits):
        kernel = machine.time(one)
        body_s, bound = times * kernel.body_s, np.asarray(kernel.compute_s >= kernel.memory_s)
        causes["compute"] = causes["compute"] + np.where(bound, body_s, 0.0)
        causes[one.reads] = causes[one.reads] + np.where(bound, 0.0, body_s)
        if not one.beside:
            launch_s = launch_s + times * kernel.launch_s
    small = small_kernels(machine, arch, tokens)
    compute_s, launch_s = causes["compute"] + small.side_s, launch_s + small.launch_s
    all_reduce_s, exchange_s = tensor_parallel_s(machine, arch, tokens), all_to_all_s(machine, arch, tokens)
    hidden = _hidden_share(machine, all_reduce_s + exchange_s, compute_s + causes["weights"] + causes["experts"])
    return StepTime(
        compute_s=compute_s,
        weight_reads_s=causes["weights"],
        expert_reads_s=causes["experts"],
        kv_reads_s=causes["kv"],
        host_reads_s=causes["host"],
        all_reduce_s=all_reduce_s * (1 - hidden),
        all_to_all_s=exchange_s * (1 - hidden),
        pipeline_s=pipeline_s(machine, arch, tokens),
        launch_s=launch_s,
    )


def _hidden_share(machine: Machine, exchange_s: Values, arithmetic_s: Values) -> Values:
    """Share of the exchange behind arithmetic: the engine's overlap, while there is arithmetic to hide it."""
    overlap = machine.execution.overlap
    if overlap == 0:
        return 0.0
    return np.minimum(overlap, arithmetic_s / np.maximum(exchange_s, 1e-12))


def _kernels(
    machine: Machine, arch: ArchSpec, mix: Mix, tokens: Values, logits: Values
) -> Iterator[tuple[Values, LayerKernel]]:
    """Every kernel of a pass, and how often it runs.

    All stages wait for the deepest, ⌈layers/pp⌉ layers: as many times as pp of those.
    """
    pp, layers = np.asarray(machine.layout.pp), np.asarray(arch.num_layers)
    uneven = np.where(pp > 1, np.ceil(layers / pp) * pp / layers, 1.0)
    for group in arch.layers:
        times = group.num_layers * uneven
        for kernel in layer_kernels(group, machine, arch.d_model, tokens):
            yield times * kernel.share, kernel
        for kernel in mix(group.mixer):
            yield times, kernel
    precision = arch.precisions.unembedding
    for matrix in arch.projections:  # whole on every GPU
        yield 1, machine.product(tokens, matrix.outputs, matrix.inputs, precision)
    yield 1, machine.product(logits, arch.logits / machine.tp, arch.embedding_width, precision)
