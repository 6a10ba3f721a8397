"""JSON of ``optimoe sample``: what a trained model went on with."""

from dataclasses import dataclass

from optimoe.core.records import same_fields
from optimoe.trainer.results.sample import SampledText
from optimoe.trainer.results.trained import TrainedRun


@dataclass(frozen=True, kw_only=True)
class SampleRecord:
    """Text of a trained model.

    Attributes:
        run: The run's name.
        run_id: Hash of what the run does.
        step: Optimiser steps that the weights have seen.
        prompt: What the model went on from.
        prompt_ids: Its tokens, behind the one that begins every text.
        text: What is new.
        ids: Its tokens, that which ended the text included.
        log_probs: Log-probability of each under the model itself, at temperature 1.
        stopped: Why the text ended: ``stop_id``, by its own end, or ``max_new_tokens``.
    """

    run: str
    run_id: str
    step: int
    prompt: str
    prompt_ids: tuple[int, ...]
    text: str
    ids: tuple[int, ...]
    log_probs: tuple[float, ...]
    stopped: str


def sample_record(trained: TrainedRun, sampled: SampledText) -> SampleRecord:
    """What a run's model went on with."""
    return same_fields(SampleRecord, sampled, run=trained.run.name, run_id=trained.run.run_id, step=trained.step)
