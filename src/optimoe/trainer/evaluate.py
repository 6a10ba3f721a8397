"""Held-out loss: every token of whole documents once, in nats per token and bits per byte."""

import math
from dataclasses import dataclass

import torch
from torch import nn

from optimoe.models.losses import RunningReport
from optimoe.models.losses.language import token_losses
from optimoe.models.losses.report import RoutingSummary
from optimoe.trainer.batches.loader import Loader


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


@torch.no_grad()
def held_out_loss(
    model: nn.Module, loader: Loader, most_tokens: int, rows: int, device: torch.device
) -> HeldOutLoss:
    """The loss of a model on what its corpora hold out, routing as in use.

    Args:
        model: Is put into evaluation and back.
        loader: The mixture.
        most_tokens: Of each source.
        rows: Sequences at once.
        device: Where the model is.

    Raises:
        ConfigError: A router sees later tokens at evaluation.
    """
    training = model.training
    model.eval()
    losses, bytes_per_token, num_tokens, report = [], [], 0, RunningReport()
    try:
        for source in range(len(loader.corpora)):
            held_out, total = loader.held_out(source, most_tokens, rows), 0.0
            for batch in held_out:
                batch = batch.to(device)
                output = model(batch.ids_BS, document_BS=batch.document_BS)
                loss_T, _ = token_losses(output.logits_BSV.flatten(0, 1), batch.target_BS.flatten())
                report.add(output)
                total += float(loss_T.double().sum())
            losses.append(total / held_out.num_tokens)
            bytes_per_token.append(held_out.num_bytes / held_out.num_tokens)
            num_tokens += held_out.num_tokens
    finally:
        model.train(training)
    loss = sum(w * one for w, one in zip(loader.weights, losses, strict=True))
    width = sum(w * one for w, one in zip(loader.weights, bytes_per_token, strict=True))
    return HeldOutLoss(
        loss=loss,
        bits_per_byte=loss / math.log(2) / width,
        by_source=tuple(losses),
        num_tokens=num_tokens,
        routing=report.summary() if report.loads else None,
    )
