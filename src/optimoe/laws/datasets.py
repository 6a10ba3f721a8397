"""Measured data sets that some check-values need. They do not ship: a folder holds them."""

import csv
import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from jaxtyping import Float

from optimoe.arch.flops import TRAIN_FLOPS_PER_PARAM_TOKEN
from optimoe.core.errors import DataSetError

DATA_VARIABLE = "OPTIMOE_DATA"
CHINCHILLA_OUTLIERS = 5
"""The highest losses, far off the law, which Besiroglu 2024 leaves out."""


@dataclass(frozen=True, kw_only=True)
class DenseRuns:
    """Runs of dense models.

    Attributes:
        params: All parameters.
        tokens: Training tokens.
        loss: Final loss, nats per token.
    """

    params: Float[np.ndarray, " runs"]
    tokens: Float[np.ndarray, " runs"]
    loss: Float[np.ndarray, " runs"]


@dataclass(frozen=True, kw_only=True)
class ShapedRuns(DenseRuns):
    """Runs of dense models of many shapes.

    Attributes:
        width: d_model.
        depth: Number of layers.
    """

    width: Float[np.ndarray, " runs"]
    depth: Float[np.ndarray, " runs"]


@dataclass(frozen=True, kw_only=True)
class RoutingPoints:
    """Final losses of Clark's runs.

    Attributes:
        params: Dense parameters, those one token sees.
        params_total: All parameters.
        experts: E, 1 when dense.
        flops_per_step: Forward FLOPs of one batch.
        log10_loss: Of the validation loss, nats per token.
    """

    params: Float[np.ndarray, " runs"]
    params_total: Float[np.ndarray, " runs"]
    experts: Float[np.ndarray, " runs"]
    flops_per_step: Float[np.ndarray, " runs"]
    log10_loss: Float[np.ndarray, " runs"]


def load_chinchilla_runs(*, outliers: bool = False) -> DenseRuns:
    """The 240 runs that Besiroglu 2024 fitted: Chinchilla's Fig. 4 without the 5 highest losses, D = C/(6N).

    Args:
        outliers: Whether these five are kept: all 245.

    Raises:
        DataSetError: The data set ``chinchilla_epoch`` is not in the folder that ``OPTIMOE_DATA`` names.
    """
    rows = _read("chinchilla_epoch/runs.csv")
    columns = np.array([[float(row[name]) for row in rows] for name in ("n_params", "train_flop", "loss")])
    kept = columns.shape[1] - (0 if outliers else CHINCHILLA_OUTLIERS)
    params, flops, loss = columns[:, np.argsort(columns[2])[:kept]]
    return DenseRuns(params=params, tokens=flops / (TRAIN_FLOPS_PER_PARAM_TOKEN * params), loss=loss)


def load_gemstones_runs(*, above_tokens: float = 0.0) -> ShapedRuns:
    """The points of training curves that Gemstones' fits take (McLeish et al. 2025, arXiv 2502.06857).

    Args:
        above_tokens: Points at or below so many tokens are left out.

    Raises:
        DataSetError: The data set ``gemstones`` is not in the folder that ``OPTIMOE_DATA`` names.
    """
    names = ("params_active_precise", "tokens", "width", "depth", "final_loss")
    columns = np.array([[float(row[name]) for row in _read("gemstones/runs_hot_100b.csv")] for name in names])
    params, tokens, width, depth, loss = columns[:, columns[1] > above_tokens]
    return ShapedRuns(params=params, tokens=tokens, loss=loss, width=width, depth=depth)


def load_routing_points(router: str, *, every_variant: bool = False) -> RoutingPoints:
    """Last step of Clark's runs with one router (``routing_curves``; Clark 2022, arXiv 2202.01169).

    Args:
        router: ``S-Base``, ``RL-R``, ``Hash`` or ``Dense``.
        every_variant: All k, shares of routed blocks, seeds and FFN widths; otherwise k = 1, every second
            block routed, and the six plain dense sizes with the seeds of one size averaged in log L.

    Raises:
        DataSetError: The data set is not in the folder that ``OPTIMOE_DATA`` names.
    """
    last: dict[str, dict[str, str]] = {}
    for row in _read("routing_curves/curves.csv"):
        known = last.get(row["hyper_id"])
        if known is None or int(row["step"]) > int(known["step"]):
            last[row["hyper_id"]] = row
    rows = [row for row in last.values() if row["router_type"] == router]
    if every_variant:
        return _points(rows)
    plain = [
        row
        for row in rows
        if row["k"] == "1" and row["routing_frequency"] == "0.5" and row["flop_increase"] == "1.0"
    ]
    return _averaged(_points(plain)) if router == "Dense" else _points(plain)


def joined(*parts: RoutingPoints) -> RoutingPoints:
    """Several sets of points as one."""
    return RoutingPoints(
        **{name: np.concatenate([getattr(part, name) for part in parts]) for name in _POINT_COLUMNS}
    )


_POINT_COLUMNS = {
    "params": "dense_parameter_count",
    "params_total": "total_parameter_count",
    "experts": "num_experts",
    "flops_per_step": "flops_per_step",
    "log10_loss": "loss_validation",
}


def _points(rows: list[dict[str, str]]) -> RoutingPoints:
    columns = {name: np.array([float(row[key]) for row in rows]) for name, key in _POINT_COLUMNS.items()}
    return RoutingPoints(**columns | {"log10_loss": np.log10(columns["log10_loss"])})


def _averaged(points: RoutingPoints) -> RoutingPoints:
    """One point per size."""
    _, group = np.unique(points.params, return_inverse=True)
    count = np.bincount(group)
    return RoutingPoints(
        **{name: np.bincount(group, weights=getattr(points, name)) / count for name in _POINT_COLUMNS}
    )


def _read(name: str) -> list[dict[str, str]]:
    path = Path(os.environ.get(DATA_VARIABLE, "")) / name
    if DATA_VARIABLE not in os.environ or not path.is_file():
        raise DataSetError(f"data set {name}: not found (set {DATA_VARIABLE} to the folder that holds it)")
    return _rows(path)


@cache
def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))
