"""How a grid of designs is trained and served, computed once: neither depends on law, budget, demand or prices."""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import msgspec
import numpy as np
from jaxtyping import Float

from optimoe.arch.params import count_params
from optimoe.arch.spec import ArchSpec
from optimoe.cost.hardware.price import unknown_price, usd_per_mtok
from optimoe.cost.serving.estimate import Deployment, ServingEstimate
from optimoe.cost.sizing.layouts import cheapest_serving
from optimoe.cost.training.search import TrainGrid, training_mfu
from optimoe.planner.problem.family import Family
from optimoe.planner.problem.space import Shapes, Space
from optimoe.planner.problem.training import GivenMfu, Training

MOST_KEPT = 256
"""Grids that are kept; the least recently used goes first."""

Members = Mapping[Family, Shapes]
Found = TypeVar("Found")

_known: OrderedDict[bytes, Any] = OrderedDict()


def forget() -> None:
    """Compute everything afresh from now on."""
    _known.clear()


@dataclass(frozen=True, kw_only=True)
class Trained:
    """How each design of a grid is trained.

    Attributes:
        mfu: 6ND over the time at the bf16 peak; NaN where no layout fits in memory.
        grid: The best layout of each design; none where the cluster is not known.
    """

    mfu: Float[np.ndarray, " designs"]
    grid: TrainGrid | None


def trained(training: Training, space: Space, members: Members, grid: ArchSpec) -> Trained:
    """The utilisation of every design of a grid, and its layout."""
    utilisation = training.utilisation
    if training.run is None:
        assert isinstance(utilisation, GivenMfu)  # a prediction has a run
        return Trained(mfu=np.full(np.size(count_params(grid).active), utilisation.mfu), grid=None)
    run = replace(training.run, price=unknown_price())
    found = _find((run, *_shape_of(space, members)), lambda: training_mfu(grid, run))
    if isinstance(utilisation, GivenMfu):
        return Trained(mfu=np.where(found.fits, utilisation.mfu, np.nan), grid=found)
    gpu = run.cluster.accelerator
    to_bf16 = gpu.flops_per_s(run.setup.precision) / gpu.flops_per_s("bf16")
    return Trained(mfu=np.asarray(found.mfu) * to_bf16 * utilisation.scale, grid=found)


def served(deployment: Deployment, space: Space, members: Members, grid: ArchSpec) -> ServingEstimate:
    """The cheapest serving of every design of a grid, at the deployment's price."""
    unpriced = replace(deployment, price=unknown_price())
    estimate = _find((unpriced, *_shape_of(space, members)), lambda: cheapest_serving(grid, unpriced))
    rate = np.asarray(estimate.tokens_per_s)
    usd = usd_per_mtok(deployment.cluster.num_gpus, deployment.price, np.where(rate > 0, rate, 1.0))
    return replace(estimate, usd_per_mtok=np.where(rate > 0, usd, np.inf))


def _shape_of(space: Space, members: Members) -> tuple[Any, ...]:
    """What the designs of a grid depend on."""
    shapes = [(shapes.d_model.tobytes(), shapes.num_layers.tobytes()) for shapes in members.values()]
    return list(members), space.head_dim, space.vocab_size, shapes


def _find(asked: Any, compute: Callable[[], Found]) -> Found:
    """The answer of before, or a new one."""
    key = msgspec.msgpack.encode(asked, enc_hook=repr)
    answer: Found = _known.pop(key) if key in _known else compute()
    _known[key] = answer
    while len(_known) > MOST_KEPT:
        _known.popitem(last=False)
    return answer
