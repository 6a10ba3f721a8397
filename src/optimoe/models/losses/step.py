"""One optimiser step, however it is cut into micro-batches and ranks: its denominators, totals and value."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import fields, replace
from functools import reduce
from operator import add

import torch
from torch import Tensor
from torch.distributed import ProcessGroup

from optimoe.core.errors import ConfigError, require
from optimoe.models.decoder import Output
from optimoe.models.losses.balance import RoutingSums, routing_sums
from optimoe.models.losses.ranks import all_over_ranks, count_ranks, refuse_forgotten_group
from optimoe.models.losses.values import LayerLosses, NumValid, TrainingLoss, masked_routings


class Step:
    """The rule by which a step's gradient is one, whichever way it is cut: divide by what the whole step holds.

    Every loss that :func:`~optimoe.models.losses.training.training_loss` computes with a step is a share; shares
    add up over micro-batches and ranks to the loss of the whole step, and so do their gradients. A trainer's use::

        step = Step([count_valid(targets) for _, targets in batches], group)
        for ids, targets in batches:
            loss = training_loss(model(ids), targets, config.losses, step)
            loss.total.backward()
            step.add(loss)
        print(step.value().language)

    ``scope="step"`` needs the loads, scores and gates of the whole step before the first gradient, so the model
    looks at all micro-batches once more, without gradients, before that loop: one forward pass more, a quarter to
    a third of a step's time where backward costs twice the forward pass (more with recomputation, less with it
    off), and no memory. It draws the same noise as the pass with gradients. Balance and importance are then
    shares of a linearisation: the derivative at the totals, times this micro-batch's part of them, which is exact
    since the derivative of a function of sums is. Routers that see more than a token (expert choice over the
    batch, S-BASE, BASE, capacities) route by micro-batch, and a batch norm in PEER counts both passes: there
    a step is not the same however it is cut, whatever its losses are::

        with step.looking():
            for ids, _ in batches:
                step.look(model(ids))

    Attributes:
        num_valid: Denominators of the whole step.
        group: The ranks that share it.
        num_ranks: Their number.
        totals: Sums of each layer over the whole step, once it was looked at.

    Args:
        batches: Counts of this rank's micro-batches (:func:`~optimoe.models.losses.values.count_valid`).
        group: The ranks, such as ``torch.distributed.group.WORLD``; none is this process alone.

    Raises:
        ConfigError: There is no micro-batch, or several ranks are at work and no group is given.
    """

    def __init__(self, batches: Iterable[NumValid], group: ProcessGroup | None = None) -> None:
        counts = list(batches)
        require(len(counts) > 0, "batches", "one or more", len(counts))
        refuse_forgotten_group(group, "a step")
        self.group, self.num_ranks = group, count_ranks(group)
        self.num_valid = _sum_counts(counts, group)
        self.totals: dict[int, RoutingSums] | None = None
        self._seen: list[TrainingLoss] = []

    @contextmanager
    def looking(self) -> Iterator[None]:
        """A context in which :meth:`look` adds up totals, without gradients or any mark on random numbers."""
        kind = torch.accelerator.current_accelerator(check_available=True)
        devices = [] if kind is None else [torch.accelerator.current_device_index()]
        self.totals = {}
        with torch.no_grad(), torch.random.fork_rng(devices, device_type="cuda" if kind is None else kind.type):
            yield
        layers, names = list(self.totals), [f.name for f in fields(RoutingSums)]
        flat = [getattr(self.totals[layer], name) for layer in layers for name in names]
        sums = iter(all_over_ranks(flat, self.group))
        self.totals = {layer: RoutingSums(**{name: next(sums) for name in names}) for layer in layers}

    def look(self, output: Output, document_BS: Tensor | None = None) -> None:
        """Add a micro-batch's decisions to the totals.

        Args:
            output: What the model returned.
            document_BS: The document of each token, −1 for padding; left out, padding is what the model was told.

        Raises:
            ConfigError: It is called outside of :meth:`looking`.
        """
        if self.totals is None:
            raise ConfigError("look: must be called inside `with step.looking()`")
        for layer, routing in masked_routings(output, document_BS).items():
            sums = routing_sums(routing).map(Tensor.detach)
            before = self.totals.get(layer)
            self.totals[layer] = sums if before is None else before + sums

    def add(self, loss: TrainingLoss) -> None:
        """Add a micro-batch's shares to the step's value."""
        self._seen.append(replace(loss, total=loss.total.detach()))

    def value(self) -> TrainingLoss:
        """The losses of the whole step, the same on all ranks, without gradients or the factor of ranks.

        Raises:
            ConfigError: The micro-batches that were added are not those that were counted.
        """
        require(len(self._seen) > 0, "losses", "added before the step has a value", "none")
        seen = _sum_counts([loss.num_valid for loss in self._seen], self.group)
        for f in fields(seen):
            counted, added = int(getattr(self.num_valid, f.name)), int(getattr(seen, f.name))
            require(added == counted, f.name, f"the {counted} that were counted", f"{added} in the losses added")
        layers = list(self._seen[0].layers)
        names = [f.name for f in fields(LayerLosses)]
        mine = [_scalars(loss, layers, names) for loss in self._seen]
        sums = iter(all_over_ranks([torch.stack(each).sum() for each in zip(*mine, strict=True)], self.group))
        return TrainingLoss(
            total=next(sums) / self.num_ranks,
            language=next(sums),
            logit_z=next(sums),
            layers={layer: LayerLosses(**{name: next(sums) for name in names}) for layer in layers},
            num_valid=seen,
            leaky_layers=tuple(sorted({layer for loss in self._seen for layer in loss.leaky_layers})),
        )


def _scalars(loss: TrainingLoss, layers: list[int], names: list[str]) -> list[Tensor]:
    parts = [getattr(loss.layers[layer], name) for layer in layers for name in names]
    return [loss.total, loss.language, loss.logit_z, *parts]


def _sum_counts(counts: list[NumValid], group: ProcessGroup | None) -> NumValid:
    total = reduce(add, counts)
    names = [f.name for f in fields(NumValid)]
    sums = all_over_ranks([getattr(total, name) for name in names], group)
    return NumValid(**dict(zip(names, sums, strict=True)))
