"""Matrices of low rank beside frozen ones: all that trains in continued training by LoRA.

Legend: A inputs, B outputs of a matrix, R rank.
"""

import math
from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn.utils import parametrize

from optimoe.core.errors import require, require_positive, require_types
from optimoe.models.convert.lifelong import merge
from optimoe.models.decoder import Decoder


@dataclass(frozen=True, kw_only=True)
class Lora:
    """How much may change (Hu et al. 2021, arXiv 2106.09685).

    Attributes:
        rank: Of the change of every matrix.
        alpha: The change is ``alpha / rank`` times the product of its two factors.

    Raises:
        ConfigError: A number is out of limits.
    """

    rank: int
    alpha: float = 16.0

    def __post_init__(self) -> None:
        require_types(self)
        require_positive(self, "rank", "alpha")
        require(self.alpha < math.inf, "alpha", "finite", self.alpha)


class LowRank(nn.Module):
    """W + (α/R)·up·down: down (R, A) begins as a linear layer does, up (B, R) at zero."""

    def __init__(self, weight_BA: Tensor, how: Lora) -> None:
        super().__init__()
        outputs, inputs = weight_BA.shape
        self.scale = how.alpha / how.rank
        self.down_RA = nn.Parameter(weight_BA.new_empty(how.rank, inputs))
        self.up_BR = nn.Parameter(weight_BA.new_zeros(outputs, how.rank))
        nn.init.kaiming_uniform_(self.down_RA, a=math.sqrt(5))

    def forward(self, weight_BA: Tensor) -> Tensor:
        """The matrix that is used."""
        return weight_BA + self.scale * self.up_BR @ self.down_RA


def add_lora(model: Decoder, how: Lora) -> Decoder:
    """The model with LoRA on every matrix of attention, dense and shared feed-forwards, all else frozen.

    Its function is the model's until a step is taken; :func:`~optimoe.models.convert.lifelong.merge` makes plain
    matrices of it. Routed experts, routers, embeddings and norms get none.

    Args:
        model: Stays as it is; what it has of LoRA or frozen rows is merged first.
        how: Rank and scale.
    """
    adapted = merge(model).requires_grad_(False)
    routing = {id(module) for router in adapted.routers.values() for module in router.modules()}
    layers = [module for module in adapted.blocks.modules() if isinstance(module, nn.Linear)]
    for layer in (layer for layer in layers if id(layer) not in routing):
        parametrize.register_parametrization(layer, "weight", LowRank(layer.weight, how))
    return adapted
