"""Servings that were computed before: nothing about them depends on law, budget, demand or prices."""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import replace

import msgspec
import numpy as np

from optimoe.arch.spec import ArchSpec
from optimoe.cost.hardware.price import unknown_price, usd_per_mtok
from optimoe.cost.service.search import cheapest_serving
from optimoe.cost.service.serving import Deployment, ServingEstimate
from optimoe.plan.space import Family, Shapes, Space

MOST_KEPT = 256
"""Grids that are kept; the least recently used goes first."""

_known: OrderedDict[bytes, ServingEstimate] = OrderedDict()


def served(
    deployment: Deployment, space: Space, members: Mapping[Family, Shapes], grid: ArchSpec
) -> ServingEstimate:
    """The cheapest serving of every design of a grid, at the deployment's price."""
    key = _key(deployment, space, members)
    estimate = _known.pop(key, None)
    if estimate is None:
        estimate = cheapest_serving(grid, replace(deployment, price=unknown_price()))
    _known[key] = estimate
    while len(_known) > MOST_KEPT:
        _known.popitem(last=False)
    rate = np.asarray(estimate.tokens_per_s)
    usd = usd_per_mtok(deployment.cluster.num_gpus, deployment.price, np.where(rate > 0, rate, 1.0))
    return replace(estimate, usd_per_mtok=np.where(rate > 0, usd, np.inf))


def forget() -> None:
    """Compute everything afresh from now on."""
    _known.clear()


def _key(deployment: Deployment, space: Space, members: Mapping[Family, Shapes]) -> bytes:
    """What a serving depends on; the price is not part of it."""
    unpriced = replace(deployment, price=unknown_price())
    shapes = b"".join(shapes.d_model.tobytes() + shapes.num_layers.tobytes() for shapes in members.values())
    asked = (unpriced, list(members), space.head_dim, space.vocab_size)
    return msgspec.msgpack.encode(asked, enc_hook=repr) + shapes
