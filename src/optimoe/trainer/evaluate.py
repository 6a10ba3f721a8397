"""Held-out loss: every token of whole documents once, in nats per token and bits per byte."""

import math
from dataclasses import dataclass

import torch
from torch import nn

from optimoe.models.evaluation import evaluate
from optimoe.models.losses import RunningReport
from optimoe.models.losses.report import RoutingSummary
from optimoe.trainer.batches.loader import Loader
from optimoe.trainer.device import products_in
from optimoe.trainer.parallel.ranks import Ranks


@dataclass(frozen=True, kw_only=True)
class HeldOutLoss:
    """A mean over sources, weighed as the mixture weighs their tokens.

    Attributes:
        loss: Nats per token.
        bits_per_byte: Bits of a text ÷ its bytes: Σ w·loss / (ln 2 · Σ w·bytes per token).
        by_source: Nats per token of each source, in the mixture's order.
        num_tokens: That were predicted.
        routing: How routing went there; none in a dense model.
    """

    loss: float
    bits_per_byte: float
    by_source: tuple[float, ...]
    num_tokens: int
    routing: RoutingSummary | None


def held_out_loss(
    model: nn.Module,
    loader: Loader,
    most_tokens: int,
    rows: int,
    ranks: Ranks,
    products: torch.dtype = torch.float32,
) -> HeldOutLoss:
    """The loss of a model on what its corpora hold out, routing as in use.

    Args:
        model: Evaluates meanwhile, and is left as it was.
        loader: The mixture.
        most_tokens: Of each source.
        rows: Sequences at once.
        ranks: That look at it together, each at its part.
        products: Type of matrix products, that of training.

    Raises:
        ConfigError: A router sees later tokens at evaluation.
    """
    one_of = (ranks.rank, ranks.number)
    sources = [loader.held_out(source, most_tokens, rows, *one_of) for source in range(len(loader.corpora))]
    routed = RunningReport(ranks.group)
    with products_in(products, ranks.device):
        each = [
            evaluate(
                model,
                (
                    (one.ids_BS, one.target_BS, one.document_BS)
                    for one in (batch.to(ranks.device) for batch in held_out)
                ),
                routed=routed,
                group=ranks.group,
            )
            for held_out in sources
        ]
    loss = sum(w * one.loss for w, one in zip(loader.weights, each, strict=True))
    width = sum(w * one.num_bytes / one.num_tokens for w, one in zip(loader.weights, sources, strict=True))
    return HeldOutLoss(
        loss=loss,
        bits_per_byte=loss / math.log(2) / width,
        by_source=tuple(one.loss for one in each),
        num_tokens=sum(one.targets for one in each),
        routing=routed.summary() if routed.loads else None,
    )
