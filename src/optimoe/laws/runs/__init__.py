"""Tables of training runs as people have them, read into observations that a law is fitted to."""

from optimoe.laws.runs.designs import DesignRuns, load_design_runs
from optimoe.laws.runs.load import LABELS, BadRows, as_observations, load_designs, load_observations
from optimoe.laws.runs.observations import Flag, Observations

__all__ = [
    "LABELS",
    "BadRows",
    "DesignRuns",
    "Flag",
    "Observations",
    "as_observations",
    "load_design_runs",
    "load_designs",
    "load_observations",
]
