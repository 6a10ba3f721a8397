"""Measured data sets that do not ship with the package, from the folder that ``OPTIMOE_DATA`` names."""

import csv
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from optimoe.core.errors import ConfigError
from optimoe.laws.base import TRAIN_FLOPS_PER_PARAM_TOKEN

DATA_VARIABLE = "OPTIMOE_DATA"
CHINCHILLA_OUTLIERS = 5


class DataSetError(ConfigError):
    """A measured data set that does not ship with the package is not at hand."""


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


def load_chinchilla_runs() -> DenseRuns:
    """The 240 runs that Besiroglu 2024 fitted: Chinchilla's Fig. 4 without the 5 highest losses, D = C/(6N).

    Raises:
        DataSetError: The data set ``chinchilla_epoch`` is not in the folder that ``OPTIMOE_DATA`` names.
    """
    columns = _read_columns("chinchilla_epoch/runs.csv", ("n_params", "train_flop", "loss"))
    params, flops, loss = columns[:, np.argsort(columns[2])[:-CHINCHILLA_OUTLIERS]]
    return DenseRuns(params=params, tokens=flops / (TRAIN_FLOPS_PER_PARAM_TOKEN * params), loss=loss)


def _read_columns(name: str, columns: tuple[str, ...]) -> Float[np.ndarray, "columns rows"]:
    path = Path(os.environ.get(DATA_VARIABLE, "")) / name
    if DATA_VARIABLE not in os.environ or not path.is_file():
        raise DataSetError(f"data set {name}: not found (set {DATA_VARIABLE} to the folder that holds it)")
    with path.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    return np.array([[float(row[column]) for row in rows] for column in columns])
