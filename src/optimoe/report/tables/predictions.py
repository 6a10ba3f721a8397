"""A table of runs with the predictions of their law: one row a run, as CSV."""

import csv
import io
from collections.abc import Mapping
from typing import Any

import numpy as np

from optimoe.laws.fitting import Band, Fit
from optimoe.laws.runs import Observations


def predictions_csv(observations: Observations, fitted: Fit, band: Band) -> str:
    """CSV of the runs: row, labels, variables, measured and predicted loss, and the bands around the prediction.

    Columns: ``row`` (of the table of runs, from 1), labels and variables by name, ``loss`` and ``predicted`` (nats
    per token), ``residual`` (ln predicted − ln loss), ``low`` and ``high`` (where a single run may lie) and
    ``law_low`` and ``law_high`` (where the law itself may lie).
    """
    predicted = np.asarray(band.loss)
    columns = {
        "row": observations.rows,
        **observations.labels,
        **observations.variables,
        "loss": observations.loss,
        "predicted": predicted,
        "residual": np.log(predicted / observations.loss),
        "low": band.run_low,
        "high": band.run_high,
        "law_low": band.low,
        "law_high": band.high,
    }
    return columns_csv(columns)


def columns_csv(columns: Mapping[str, Any]) -> str:
    """CSV of columns of equal length, the first line their names."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    cells = [[_cell(value) for value in np.asarray(column).tolist()] for column in columns.values()]
    writer.writerows(zip(*cells, strict=True))
    return text.getvalue()


def _cell(value: object) -> str:
    """A number with the digits that it has, up to ten."""
    return f"{value:.10g}" if isinstance(value, float) else str(value)
