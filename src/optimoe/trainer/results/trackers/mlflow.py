"""A run in MLflow: what it is as parameters and tags, its curves against the step, what came of it."""

import json
import os
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from optimoe.core.run import RunRecord, RunSpec
from optimoe.core.run.spec import run_table
from optimoe.trainer.results.trackers.beside import OpenTracker, Tracker
from optimoe.trainer.results.watching import StepReport

EXPERIMENT = "optimoe"
"""Of all runs, where ``MLFLOW_EXPERIMENT_NAME`` says none."""

RUN_TAG, FOLDER_TAG = "optimoe.run_id", "optimoe.folder"
"""By both a run that goes on is found again."""

MOST_PARAMS, MOST_METRICS, MOST_CHARACTERS = 100, 1000, 500
"""Of one request, and of the value of a parameter: what every MLflow server takes."""

SETTINGS = {
    "MLFLOW_ALLOW_FILE_STORE": "true",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
}
"""Of MLflow, where the environment has none: it takes folders, is silent on standard output, and waits seconds."""

STATUS = {"finished": "FINISHED", "stopped": "KILLED", "diverged": "FAILED"}


def mlflow_at(where: str) -> OpenTracker:
    """Track runs in MLflow.

    Args:
        where: The URI of a server or database, or a folder.
    """
    uri = where if "://" in where or where == "databricks" else Path(where).resolve().as_uri()

    def opened(run: RunSpec, folder: Path, first: StepReport) -> AbstractContextManager[Tracker]:
        return _opened(uri, run, folder)

    return opened


@contextmanager
def _opened(uri: str, run: RunSpec, folder: Path) -> Iterator[Tracker]:
    """One run in MLflow: that which this run began before, or a new one."""
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
    client: Any = import_module("mlflow").MlflowClient(tracking_uri=uri)
    entities: Any = import_module("mlflow.entities")
    tracked = _find_or_begin(client, run, folder)
    params = [entities.Param(name, value) for name, value in _params(run_table(run), "")]
    for at in range(0, len(params), MOST_PARAMS):
        client.log_batch(tracked, params=params[at : at + MOST_PARAMS])
    tracker = _MlflowRun(client, entities, tracked)
    try:
        yield tracker
    finally:
        client.set_terminated(tracked, tracker.status)


def _find_or_begin(client: Any, run: RunSpec, folder: Path) -> str:
    """MLflow's id of a run."""
    name = os.environ.get("MLFLOW_EXPERIMENT_NAME", EXPERIMENT)
    found = client.get_experiment_by_name(name)
    experiment = found.experiment_id if found else client.create_experiment(name)
    tags = {RUN_TAG: run.run_id, FOLDER_TAG: str(folder.resolve())}
    same = [
        one
        for one in client.search_runs([experiment], f"tags.`{RUN_TAG}` = '{run.run_id}'")
        if one.data.tags.get(FOLDER_TAG) == tags[FOLDER_TAG]
    ]
    if same:
        client.update_run(same[0].info.run_id, status="RUNNING")
        return str(same[0].info.run_id)
    notes = {"mlflow.note.content": run.notes} if run.notes else {}
    return str(client.create_run(experiment, run_name=run.name, tags=tags | notes).info.run_id)


class _MlflowRun:
    """One run in MLflow; see :class:`~optimoe.trainer.results.trackers.beside.Tracker`.

    Attributes:
        status: How it ended, in MLflow's words.
    """

    def __init__(self, client: Any, entities: Any, tracked: str) -> None:
        self._client, self._entities, self._tracked = client, entities, tracked
        self.status = STATUS["stopped"]
        before = client.get_metric_history(tracked, "loss/train")
        self._last = max((metric.step for metric in before), default=0)

    def log(self, reports: Sequence[StepReport]) -> None:
        """Log steps, but for those that were logged before a stop and are done again."""
        new = [report for report in reports if report.step > self._last]
        curves = [(report.step, {**report.curves, "tokens": report.tokens}) for report in new]
        self._send([metric for step, values in curves for metric in self._metrics(step, values)])

    def end(self, record: RunRecord) -> None:
        """Log what came of the run, and on what it was done."""
        names = ("loss", "bits_per_byte", "train_flops", "seconds", "mfu", "params_total", "params_active")
        values = {f"end/{name}": getattr(record, name) for name in names}
        self._send(self._metrics(record.run.steps, {k: v for k, v in values.items() if v is not None}))
        tags = {"device": record.device, "host": record.host, "versions": json.dumps(record.versions)}
        for name, value in tags.items():
            self._client.set_tag(self._tracked, f"optimoe.{name}", value)
        self.status = STATUS[record.status]

    def _metrics(self, step: int, values: dict[str, float]) -> list[Any]:
        now = int(1000 * time.time())
        return [self._entities.Metric(name, float(value), now, step) for name, value in values.items()]

    def _send(self, metrics: list[Any]) -> None:
        for at in range(0, len(metrics), MOST_METRICS):
            self._client.log_batch(self._tracked, metrics=metrics[at : at + MOST_METRICS])


def _params(value: Any, name: str) -> Iterator[tuple[str, str]]:
    """Fields of a run by their path, such as ``schedule.peak_rate``; lists as JSON, cut where they are long."""
    if isinstance(value, dict) and value:
        for key, item in value.items():
            yield from _params(item, f"{name}.{key}" if name else key)
    else:
        text = value if isinstance(value, str) else json.dumps(value)
        yield re.sub(r"[^\w\-./ ]", "_", name), text[:MOST_CHARACTERS]
