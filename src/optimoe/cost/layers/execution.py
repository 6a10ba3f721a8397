"""How the kernels of a pass run: precisions, spread of tokens over experts, overlap, and who times them."""

from dataclasses import dataclass

from optimoe.core.errors import require
from optimoe.cost.kernels.spread import UNIFORM, RoutingSkew


@dataclass(frozen=True, kw_only=True)
class Execution:
    """What the kernels of a forward pass need to know of the software that launches them.

    Attributes:
        precision: Precision of the weights.
        kv_precision: Precision of the cache.
        routing: How tokens spread over experts.
        overlap: Share of the exchange between GPUs that runs behind arithmetic, as far as there is any.
        kernels: Where kernel times come from, a name that :func:`optimoe.cost.kernels.find.find_kernels` knows.

    Raises:
        ConfigError: The share is not in [0, 1].
    """

    precision: str = "bf16"
    kv_precision: str = "bf16"
    routing: RoutingSkew = UNIFORM
    overlap: float = 0.0
    kernels: str = "fitted"

    def __post_init__(self) -> None:
        require(0 <= self.overlap <= 1, "overlap", "from 0 to 1", self.overlap)
