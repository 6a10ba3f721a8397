"""What losses are divided by, and what they are made of.

Legend: B sequences, S positions, T = B·S tokens, G sequences or documents.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor

from optimoe.models.attention.places import document_runs
from optimoe.models.decoder import Output
from optimoe.models.losses.language import IGNORED
from optimoe.models.routing import Routing


@dataclass(frozen=True, kw_only=True)
class NumValid:
    """Denominators, of a micro-batch or of a whole step; those of parts add up.

    Attributes:
        targets: Real tokens with a target: what the language, policy and baseline losses are means over.
        tokens: Real tokens, a prompt's too: what z, entropy and balance over tokens are means over.
        sequences: Sequences, or documents, with a real token: what balance by sequence is a mean over.
    """

    targets: Tensor
    tokens: Tensor
    sequences: Tensor

    def __add__(self, other: "NumValid") -> "NumValid":
        """The denominators of both."""
        return NumValid(**{f.name: getattr(self, f.name) + getattr(other, f.name) for f in fields(self)})


def count_valid(targets_BS: Tensor, document_BS: Tensor | None = None) -> NumValid:
    """The denominators of one micro-batch.

    Args:
        targets_BS: Next tokens; :data:`~optimoe.models.losses.language.IGNORED` where there is none.
        document_BS: The document of each token, −1 for padding; left out, every row is one, without padding.
    """
    has_target_BS = targets_BS != IGNORED
    if document_BS is None:
        counts = {"tokens": targets_BS.numel(), "sequences": targets_BS.shape[0]}
        return NumValid(
            targets=has_target_BS.sum(),
            **{name: torch.full((), count, device=targets_BS.device) for name, count in counts.items()},
        )
    real_BS = document_BS >= 0
    key_T = _keys(document_BS).reshape(-1).sort().values
    is_first_T = key_T != torch.cat([key_T.new_full((1,), -1), key_T[:-1]])
    return NumValid(
        targets=(has_target_BS & real_BS).sum(), tokens=real_BS.sum(), sequences=(is_first_T & (key_T >= 0)).sum()
    )


def number_documents(document_BS: Tensor) -> tuple[Tensor, int]:
    """The group of each token, one per document of each row, (T,), and their number G ≥ 1; padding is in group 0.

    A document that goes on in another row is one more there, since attention does not see across rows. The
    number is read back from the device.
    """
    keys_G, group_BS = torch.unique(_keys(document_BS), return_inverse=True)
    padding = int((keys_G < 0).sum())
    return (group_BS.reshape(-1) - padding).clamp_min(0), max(1, len(keys_G) - padding)


def _keys(document_BS: Tensor) -> Tensor:
    """One number per document of each row, as attention parts them; −1 for padding."""
    num_rows, most = document_BS.shape
    rows_B1 = torch.arange(num_rows, device=document_BS.device)[:, None]
    return torch.where(document_BS >= 0, rows_B1 * most + document_runs(document_BS)[0], -1)


def documents_of(output: Output, document_BS: Tensor | None) -> Tensor | None:
    """The document of each token: as given, or as the model was told; none where every row is one."""
    return output.document_BS if document_BS is None else document_BS


def masked_routings(output: Output, document_BS: Tensor | None) -> dict[int, Routing]:
    """The decisions of a forward pass with their padding marked, by layer number."""
    document_BS = documents_of(output, document_BS)
    if document_BS is None:
        return output.routings
    real_T = (document_BS >= 0).reshape(-1)
    return {layer: replace(routing, valid_T=real_T) for layer, routing in output.routings.items()}


@dataclass(frozen=True, kw_only=True)
class LayerLosses:
    """The losses of one layer, without their weights; 0 where the layer's router does not have them.

    ``entropy`` is minus the policy's entropy, so that adding it keeps the policy open.
    """

    balance: Tensor
    z: Tensor
    importance: Tensor
    policy: Tensor
    baseline: Tensor
    entropy: Tensor

    def map(self, function: Callable[[Tensor], Tensor]) -> "LayerLosses":
        """Losses with a function applied to every tensor, such as ``Tensor.detach``."""
        return LayerLosses(**{f.name: function(getattr(self, f.name)) for f in fields(self)})


@dataclass(frozen=True, kw_only=True)
class TrainingLoss:
    """What to minimise, and what it is made of: a micro-batch's shares, which add up to the losses of its step.

    Attributes:
        total: What to call ``backward`` on: the language-model loss plus the weighted means over layers, times
            the ranks of the step, whose gradients DDP and FSDP average. With RL-R it is no loss that one would
            plot: the baseline's error alone starts near ln² V.
        language: Mean cross-entropy, nats per token, without gradient: what to show.
        logit_z: The z-loss of the vocabulary's logits, without its weight or gradient.
        layers: Losses of each routed layer, by layer number, without weights or gradient.
        num_valid: The micro-batch's own counts.
        leaky_layers: Layers whose routing saw later tokens; where there are any, ``language`` is no loss of a
            language model, and a record of it has to say so.
    """

    total: Tensor
    language: Tensor
    logit_z: Tensor
    layers: dict[int, LayerLosses]
    num_valid: NumValid
    leaky_layers: tuple[int, ...]
