"""Seconds of a prompt: until its own first token, and what it takes from the requests that decode beside it.

A step takes in at most ``chunk_tokens`` of prompts. Where an engine mixes, they ride on a decode step, which
reads the weights and launches its kernels anyway: a prompt costs what that step is longer by. Short prompts share
a step.

    together n = prompts that arrive for one step, at most chunk/length, at least 1
    chunk    t = max(kernels of n prompts beside b requests, launches · seconds of a launch − those hidden)
    stall      = Σ_chunks (t − the b requests alone)/(n·pp)
    own        = Σ_chunks t/pp + (pp − 1)·(longest t)/pp       the makespan of a pipeline of pp equal stages

Where an engine reads prompts in steps of their own, no requests ride along, and its own time is paid again. An
engine that works ahead launches a prompt's kernels while the decode step before it runs.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from optimoe.arch.spec import ArchSpec
from optimoe.core.arrays import Flags, Values
from optimoe.cost.engines.engine import Engine
from optimoe.cost.engines.served import as_served
from optimoe.cost.layers.machine import Machine
from optimoe.cost.layers.parts.launches import launches
from optimoe.cost.serving.step import StepTime, micro_batch, prompt_kernels
from optimoe.cost.serving.workload import Workload


@dataclass(frozen=True, kw_only=True)
class PromptSeconds:
    """Seconds of one prompt. Numbers, or arrays over a grid.

    Attributes:
        own_s: From the start of its first step to its first token, less one decode step that it rides on.
        stall_s: For which it holds the requests of its rank up in one stage: its share of the steps that read it.
        together: Prompts that share a step, itself among them.
    """

    own_s: Values
    stall_s: Values
    together: Values = 1.0

    @property
    def single_s(self) -> Values:
        """``own_s`` of a prompt that shares no step."""
        return self.own_s - (self.together - 1) * self.stall_s


@dataclass(frozen=True, kw_only=True)
class PromptKernels:
    """The kernels of the steps that read a prompt, of which an engine's times and scales make seconds.

    Attributes:
        decoding_s: Kernels of a decode step of the rank's requests, through all stages; 0 where none decode.
        added_s: What the prompts of a step add to it, or take in a step of their own; chunks along the first axis.
        present: 0 where an entry of ``added_s`` is no chunk.
        launches: Calls to the GPU of one such step.
        together: Prompts that share a step.
        pp: Pipeline stages.
        mixed: Whether they ride on decode steps.
    """

    decoding_s: Values
    added_s: Values
    launches: Values
    together: Values
    pp: Values
    mixed: Flags
    present: Values = 1.0

    def seconds(self, engine: Engine) -> PromptSeconds:
        """The seconds of a prompt, by an engine's own times and its scales of the kernels."""
        host, decoding_s = engine.host, engine.decode_scale * self.decoding_s
        beside_s = np.where(self.mixed, decoding_s, 0.0)
        launched_s = host.launch_s * self.launches - host.hidden * decoding_s
        gpu_s = np.maximum(beside_s + engine.prefill_scale * self.added_s, launched_s)
        step_s = self.present * (gpu_s + np.where(self.mixed, 0.0, host.waited_s(gpu_s, self.together)))
        own_s = (step_s.sum(axis=0) + (self.pp - 1) * step_s.max(axis=0)) / self.pp - beside_s
        stall_s = (step_s - self.present * beside_s).sum(axis=0) / (self.pp * self.together)
        return PromptSeconds(own_s=own_s, stall_s=stall_s, together=self.together)


def prompt_work(
    machine: Machine, engine: Engine, arch: ArchSpec, workload: Workload, running: Values, decoding: StepTime
) -> PromptKernels:
    """The kernels of a prompt's steps among ``running`` requests of an attention rank.

    Args:
        machine: The GPUs.
        engine: Its chunks, and whether it mixes prompts with decoding.
        arch: The model.
        workload: The requests.
        running: Requests of a rank that decode.
        decoding: The kernels of a decode step of those, by :func:`~optimoe.cost.serving.step.decode_kernels`.
    """
    mixed = workload.decodes and not engine.prefill_first
    together = prompts_together(engine, workload, running)
    decoding_s = decoding.total_s
    beside = micro_batch(machine, running) if mixed else None
    read_s = _chunks_s(machine, engine, arch, workload, together, beside, np.ndim(decoding_s))
    return PromptKernels(
        decoding_s=decoding_s,
        added_s=read_s - decoding_s if mixed else read_s,
        launches=launches(*as_served(machine, engine, arch)),
        together=together,
        pp=machine.layout.pp,
        mixed=mixed,
    )


def prompt_alone(machine: Machine, engine: Engine, arch: ArchSpec, workload: Workload) -> PromptSeconds:
    """The seconds of a prompt on GPUs that read nothing else."""
    dimensions = np.ndim(prompt_kernels(machine, engine, arch, length=1).total_s)
    return PromptKernels(
        decoding_s=0.0,
        added_s=_chunks_s(machine, engine, arch, workload, 1.0, None, dimensions),
        launches=launches(*as_served(machine, engine, arch)),
        together=1.0,
        pp=machine.layout.pp,
        mixed=False,
    ).seconds(engine)


def _chunks_s(
    machine: Machine,
    engine: Engine,
    arch: ArchSpec,
    workload: Workload,
    together: Values,
    beside: Values | None,
    dimensions: int,
) -> Float[np.ndarray, " chunks *grid"]:
    """Kernels of the steps that read a prompt, chunk by chunk: the whole chunks, then what is left.

    Every chunk attends to those before it; in all else chunks of one length are equal, so that they are one call.
    """
    cached = workload.input_tokens - workload.prefill_tokens
    whole, rest = divmod(workload.prefill_tokens, engine.chunk_tokens)
    before = cached + engine.chunk_tokens * np.arange(whole + 1).reshape(-1, *[1] * dimensions)
    plan = [(engine.chunk_tokens, before[:-1])] * (whole > 0) + [(rest, before[-1:])] * (rest > 0)
    parts = []
    for length, past in plan:
        step = prompt_kernels(
            machine,
            engine,
            arch,
            length=length,
            past=past,
            prompts=together,
            beside=beside,
            context=workload.mean_context,
        )
        shape = np.broadcast_shapes(np.shape(step.total_s), past.shape)
        parts.append(np.broadcast_to(step.total_s, shape))  # recurrent mixers do not look at the past
    return np.concatenate(parts)


def side_by_side(prompts: Sequence[PromptKernels]) -> PromptKernels:
    """Chunks of single deployments as arrays over them; shorter rows of chunks are filled up with none."""
    longest = max(len(prompt.added_s) for prompt in prompts)
    columns = [np.pad(np.ravel(prompt.added_s), (0, longest - len(prompt.added_s))) for prompt in prompts]
    one = {
        name: np.array([getattr(prompt, name) for prompt in prompts])
        for name in ("decoding_s", "launches", "together", "pp", "mixed")
    }
    present = 1.0 * (np.arange(longest)[:, None] < [len(prompt.added_s) for prompt in prompts])
    return PromptKernels(**one, added_s=np.stack(columns, axis=1), present=present)


def prompts_together(engine: Engine, workload: Workload, running: Values) -> Values:
    """Prompts that share a step: those that wait for one, as far as the chunk has room.

    Each step ends a request with probability accepted/output, so that λ = running·accepted/output come for the
    next on average, λ/(1 − e^−λ) where any does (Poisson). Requests of one length that started together stay in
    groups that fill a chunk, and end together; so do prompts that nothing is decoded after.
    """
    room = np.maximum(engine.chunk_tokens / workload.prefill_tokens, 1.0)
    if not workload.decodes or (workload.fixed_lengths and engine.prefill_first):
        return np.clip(running, 1.0, room)
    arriving = np.maximum(running * accepted_tokens(engine) / workload.output_tokens, 1e-9)
    return np.minimum(arriving / -np.expm1(-arriving), room)


def accepted_tokens(engine: Engine) -> float:
    """Expected tokens of a request per step: (1 − a^(n+1))/(1 − a) for n drafts of acceptance a.

    Source: Leviathan et al. 2022, arXiv 2211.17192, Eq. 1 (drafts accepted independently).
    """
    n, a = engine.draft_tokens, engine.acceptance
    return float(n + 1) if a == 1 else (1 - a ** (n + 1)) / (1 - a)
