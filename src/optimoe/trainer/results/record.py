"""What came of a run, counted."""

import platform
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import torch

from optimoe import __version__
from optimoe.arch.flops import (
    TRAIN_FLOPS_PER_PARAM_TOKEN,
    frozen_flops_per_token,
    prefill_flops,
    train_flops_per_token,
)
from optimoe.arch.params import ParamCount, count_params
from optimoe.core.config import to_table
from optimoe.core.provenance import utc_now
from optimoe.core.run import RunCorpus, RunRecord, RunSpec, RunStatus
from optimoe.models.decoder import Decoder
from optimoe.trainer.checkpoints.state import Progress
from optimoe.trainer.corpus.store import Corpus, CorpusFacts
from optimoe.trainer.evaluate import HeldOutLoss
from optimoe.trainer.setup import frozen_shares, lora_params, stage_archs


@dataclass(frozen=True, kw_only=True)
class RunCounts:
    """What a run's model and tokens amount to.

    Attributes:
        run: Which.
        params: Of the model, as it is after its last stage.
        flops_per_token: Of training in each stage, counted part by part on sequences of the run's length; a model
            that is distilled from adds its forward pass, and gradients of frozen weights are left out, though
            kernels may form them with those of the weights beside them.
    """

    run: RunSpec
    params: ParamCount
    flops_per_token: tuple[float, ...]

    @classmethod
    def of(cls, run: RunSpec) -> "RunCounts":
        """The counts of a run."""
        archs = stage_archs(run)
        flops = [float(train_flops_per_token(arch, run.seq_len)) for arch in archs]
        for number, stage in enumerate(run.stages):
            flops[number] -= frozen_flops_per_token(archs[number], frozen_shares(stage, archs[number]))
            flops[number] += TRAIN_FLOPS_PER_PARAM_TOKEN * lora_params(run, number)
            if stage.distillation:
                flops[number] += float(prefill_flops(archs[max(0, number - 1)], run.seq_len).total)
        return cls(run=run, params=count_params(archs[-1]), flops_per_token=tuple(flops))

    def tokens(self, steps: int) -> int:
        """Tokens trained on after so many steps, in whole sequences."""
        run = self.run
        sequences = -(-min(steps * run.batch_tokens, run.tokens) // run.seq_len)
        return sequences * run.seq_len

    def flops(self, steps: int) -> float:
        """FLOPs of training for so many steps."""
        begins = (0, *self.run.stage_ends)
        done = [self.tokens(min(steps, end)) for end in begins]
        return sum(
            each * (stop - start) for each, (start, stop) in zip(self.flops_per_token, pairwise(done), strict=True)
        )


@dataclass(frozen=True, kw_only=True)
class RunMachine:
    """What a run was done on.

    Attributes:
        device: In words.
        peak_flops_per_s: The fastest products that it was seen to do.
        how: The options that were in force.
    """

    device: str
    peak_flops_per_s: float
    how: dict[str, Any]


def make_record(
    run: RunSpec,
    counts: RunCounts,
    progress: Progress,
    status: RunStatus,
    held_out: HeldOutLoss | None,
    routing: dict[str, float],
    machine: RunMachine,
    model: Decoder,
    corpora: Sequence[Corpus],
) -> RunRecord:
    """The record of a run, every default of it written out.

    Args:
        run: As it was done.
        counts: Of its model.
        progress: How far it came.
        status: How it ended.
        held_out: The last held-out loss; none of a run that diverged.
        routing: Summaries of it.
        machine: What it was done on.
        model: What was trained.
        corpora: On what.
    """
    tokens, params = counts.tokens(progress.step), counts.params
    over = held_out if status != "diverged" else None
    flops = counts.flops(progress.step)
    return RunRecord(
        run=run,
        run_id=counts.run.run_id,
        status=status,
        params_total=params.total,
        params_active=params.active,
        params_nonembedding=params.nonembedding,
        params_active_nonembedding=params.active_nonembedding,
        tokens_seen=tokens,
        train_flops=flops,
        train_flops_6nd=6.0 * params.active * tokens,
        seconds=progress.seconds,
        tokens_per_s=tokens / progress.seconds if progress.seconds else 0.0,
        mfu=flops / progress.seconds / machine.peak_flops_per_s if progress.seconds else 0.0,
        peak_flops_per_s=machine.peak_flops_per_s,
        loss=over.loss if over else None,
        bits_per_byte=over.bits_per_byte if over else None,
        curve=tuple(progress.curve),
        by_stage=tuple(progress.by_stage),
        causal_training=not model.leaky_layers,
        router=routing,
        model=to_table(model.config),
        corpora=tuple(_identity(corpus.facts) for corpus in corpora),
        how=machine.how,
        versions=_versions(),
        host=platform.node(),
        device=machine.device,
        started_utc=progress.started_utc,
        ended_utc=utc_now(),
    )


def _versions() -> dict[str, str]:
    torch_version, python = str(torch.__version__), platform.python_version()
    return {"optimoe": __version__, "torch": torch_version, "numpy": np.__version__, "python": python}


def _identity(facts: CorpusFacts) -> RunCorpus:
    return RunCorpus(
        tokenizer=facts.tokenizer,
        vocab_size=facts.vocab_size,
        held_out_share=facts.held_out_share,
        num_tokens=facts.num_tokens,
        sha256=facts.sha256,
    )
