"""The stages of a run as a trainer does them: one after the other, each from where the one before ended."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from optimoe.core.errors import InputError
from optimoe.core.run import RunLayout, RunSpec
from optimoe.models.convert.lifelong import frozen_copy
from optimoe.models.decoder import Decoder
from optimoe.trainer.batches.loader import Loader
from optimoe.trainer.checkpoints.folder import CheckpointFolder
from optimoe.trainer.corpus.store import Corpus
from optimoe.trainer.device import product_type
from optimoe.trainer.parallel.deferred import defer
from optimoe.trainer.parallel.ranks import Ranks
from optimoe.trainer.parallel.sharding import Reduce, require_even_deal, spread_model
from optimoe.trainer.results.trained import model_at
from optimoe.trainer.setup import (
    formed_model,
    make_model,
    require_vocabulary,
    seed_of,
    staged_model,
    untrained_model,
)
from optimoe.trainer.stages.start import start_model


@dataclass(frozen=True, kw_only=True)
class Leg:
    """A stage with its steps and data; a run without stages is one leg.

    Attributes:
        number: Of the stage, from 0.
        start, stop: Steps of the run, the latter not in it.
        tokens: Trained on in it.
        loader: Of its sources. Sequences keep the numbers that they have in the run, so that a source that comes
            again goes on where it was.
        distillation: Weight of the loss against the model before it.
    """

    number: int
    start: int
    stop: int
    tokens: int
    loader: Loader
    distillation: float


def make_legs(run: RunSpec, corpora: Sequence[Corpus], mixture: Loader, ep: int) -> tuple[Leg, ...]:
    """The legs of a run.

    Args:
        run: Which.
        corpora: Those of ``run.data``, in its order.
        mixture: Of all of them.
        ep: Ranks to which experts are dealt.

    Raises:
        ConfigError: A source is shorter than a sequence, or a model cannot grow or change as a stage says.
    """
    if not run.stages:
        whole = Leg(number=0, start=0, stop=run.steps, tokens=run.tokens, loader=mixture, distillation=0.0)
        return (whole,)
    with torch.device("meta"):  # refuses what cannot be before the first step
        for stop in run.stage_ends:
            model = formed_model(run, stop)
            if ep > 1:
                require_even_deal(model, ep)
    by_name = {source.name: corpus for source, corpus in zip(run.data.sources, corpora, strict=True)}
    return tuple(
        Leg(
            number=number,
            start=stop - stage.tokens // run.batch_tokens,
            stop=stop,
            tokens=stage.tokens,
            loader=Loader(
                [by_name[source.name] for source in stage.sources],
                [source.weight for source in stage.sources],
                run.seq_len,
                run.data.seed,
            ),
            distillation=stage.distillation,
        )
        for number, (stage, stop) in enumerate(zip(run.stages, run.stage_ends, strict=True))
    )


@dataclass(frozen=True, kw_only=True)
class LegModels:
    """What a leg computes with, over the ranks that train it.

    Attributes:
        model: That trains.
        reduce: Is told before each pass of a step whether it is the last.
        previous: The model before it, where that is distilled from.
    """

    model: Decoder
    reduce: Reduce
    previous: Decoder | None = None


def begin_leg(
    run: RunSpec,
    leg: Leg,
    checkpoints: CheckpointFolder,
    vocab_size: int,
    resumes: int,
    ranks: Ranks,
    layout: RunLayout,
) -> LegModels:
    """The model that a leg begins with, and the one before it where that is distilled from, over all ranks.

    Both are functions of the run and of the checkpoint at the end of the leg before, so that a run that went on
    and one that was interrupted begin a stage alike. Of several ranks none holds the whole model, unless the run
    has stages or begins with other weights than random ones.

    Args:
        run: Which.
        leg: Of it.
        checkpoints: Of it.
        vocab_size: Ids that the data may hold.
        resumes: The step whose weights are loaded then, so that only their form is needed; 0 for none.
        ranks: That train it.
        layout: In which they do.

    Raises:
        InputError: The checkpoint, or what the run starts from, is not there or is broken.
        ConfigError: The model cannot be built, or experts cannot be dealt as the layout says.
    """
    products = product_type(run)
    if ranks.group is not None and not run.stages and (resumes or run.start is None):
        require_vocabulary(run, vocab_size)
        torch.manual_seed(run.seed)
        deferred = defer(lambda: untrained_model(run))
        reduce = spread_model(deferred.model.train(), ranks, layout, products)
        deferred.fill(ranks.device, drawn=not resumes)
        return LegModels(model=deferred.model, reduce=reduce)
    model, previous = _whole_models(run, leg, checkpoints, vocab_size, resumes)
    reduce = spread_model(model.train(), ranks, layout, products)
    if previous is not None:
        spread_model(previous, ranks, layout, products)
    return LegModels(model=model, reduce=reduce, previous=previous)


def _whole_models(
    run: RunSpec, leg: Leg, checkpoints: CheckpointFolder, vocab_size: int, resumes: int
) -> tuple[Decoder, Decoder | None]:
    """The model of a leg, and the one before it where that is distilled from, on the CPU."""
    if resumes and (not leg.distillation or resumes == leg.stop):
        return formed_model(run, leg.stop), None
    if leg.start:
        previous = _model_at(run, leg.start, checkpoints)
    else:
        previous = make_model(run, torch.device("cpu"), vocab_size)
        previous = start_model(run.start, previous) if run.start else previous
    if not run.stages:
        return previous, None
    torch.manual_seed(seed_of(run.seed, leg.number))
    model = staged_model(previous, run.stages[leg.number])
    return model, frozen_copy(previous) if leg.distillation else None


def _model_at(run: RunSpec, step: int, checkpoints: CheckpointFolder) -> Decoder:
    """The model at the end of a stage.

    Raises:
        InputError: Its checkpoint is not there, or is broken.
    """
    found = checkpoints.newest(step)
    if found.path is None or found.step != step:
        raise InputError(f"{checkpoints.folder}: must hold a whole checkpoint of step {step}, where a stage ended")
    return model_at(run, found.path, step)
