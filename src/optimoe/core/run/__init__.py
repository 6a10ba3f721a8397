"""Training runs as files: what to train (:class:`RunSpec`) and what came of it (:class:`RunRecord`).

The meeting point of what asks for runs (a plan, a sweep), what trains them, and what learns from them (a fit).
"""

from optimoe.core.run.asked import AskedRun
from optimoe.core.run.files import load_asked_runs, load_runs, runs_toml, save_runs
from optimoe.core.run.parts import DataMix, DataSource, Optimizer, RunLayout, Schedule
from optimoe.core.run.record import (
    CurvePoint,
    RunCorpus,
    RunLog,
    RunRecord,
    RunStatus,
    append_run_record,
    append_run_record_once,
    load_run_records,
)
from optimoe.core.run.retention import Retention, retention
from optimoe.core.run.spec import RunSpec
from optimoe.core.run.stages import Stage, Start

__all__ = [
    "AskedRun",
    "CurvePoint",
    "DataMix",
    "DataSource",
    "Optimizer",
    "Retention",
    "RunCorpus",
    "RunLayout",
    "RunLog",
    "RunRecord",
    "RunSpec",
    "RunStatus",
    "Schedule",
    "Stage",
    "Start",
    "append_run_record",
    "append_run_record_once",
    "load_asked_runs",
    "load_run_records",
    "load_runs",
    "retention",
    "runs_toml",
    "save_runs",
]
