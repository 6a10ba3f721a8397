"""How the kernels of a pass run: precisions, spread of tokens over experts, overlap, and who times them."""

from dataclasses import dataclass

from optimoe.arch.precision.formats import find_format
from optimoe.arch.quantize import AUTO
from optimoe.core.errors import require
from optimoe.cost.kernels.spread import UNIFORM, RoutingSkew

PRECISIONS = (
    "precision",
    "expert_precision",
    "attention_precision",
    "embedding_precision",
    "head_precision",
    "activation_precision",
)
"""Words that say in which formats a model is served."""


@dataclass(frozen=True, kw_only=True)
class Execution:
    """What the kernels of a forward pass need to know of the software that launches them.

    Attributes:
        precision: Format of the weights as deployments quantise under one word; ``auto`` is the checkpoint's
            own, bf16 where it states none.
        expert_precision: Of routed and shared experts, where it is another; ``auto`` is as ``precision`` says,
            as for all parts.
        attention_precision: Of the projections of attention, or of what stands in its place.
        embedding_precision: Of the embedding.
        head_precision: Of the unembedding.
        activation_precision: Of what enters the products of quantised weights.
        kv_precision: Format of the cache; ``auto`` is what the checkpoint asks for, or the engine takes for
            its weights.
        routing: How tokens spread over experts.
        overlap: Share of the exchange between GPUs that runs behind arithmetic, as far as there is any.
        kernels: Where kernel times come from, a name that :func:`optimoe.cost.kernels.find.find_kernels` knows.

    Raises:
        UnknownNameError: No such precision; lists the nearest.
        ConfigError: The share is not in [0, 1].
    """

    precision: str = AUTO
    expert_precision: str = AUTO
    attention_precision: str = AUTO
    embedding_precision: str = AUTO
    head_precision: str = AUTO
    activation_precision: str = AUTO
    kv_precision: str = AUTO
    routing: RoutingSkew = UNIFORM
    overlap: float = 0.0
    kernels: str = "fitted"

    def __post_init__(self) -> None:
        for name in (*PRECISIONS, "kv_precision"):
            object.__setattr__(self, name, find_format(name, getattr(self, name), AUTO))
        require(0 <= self.overlap <= 1, "overlap", "from 0 to 1", self.overlap)

    @property
    def states_precision(self) -> bool:
        """Whether any format of the weights, or of what enters their products, is stated."""
        return any(getattr(self, name) != AUTO for name in PRECISIONS)
