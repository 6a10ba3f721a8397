"""What shows a run elsewhere: TensorBoard and MLflow as they are installed, and trackers that fail or are slow."""

import json
from contextlib import contextmanager
from importlib.util import find_spec

import pytest

from optimoe.app.main import app, main
from optimoe.core.run import load_run_records, save_runs
from optimoe.inputs.runs import train as request
from optimoe.trainer.results.trackers.beside import tracked
from optimoe.trainer.results.watching import unwatched
from optimoe.trainer.train import train
from tests.trainer.world import QUIET, Stop, corpus_at, make_run, write_text

WORDS = ("train", "runs.toml", "--data", "text", "--held-out", "0.1", "--threads", "1", "--eval-tokens", "500")


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder with text and a run, in which commands work."""
    write_text(tmp_path / "text")
    save_runs(tmp_path / "runs.toml", [make_run(steps=10, notes="a note")])
    monkeypatch.chdir(tmp_path)
    return tmp_path


def installed(package, why):
    return pytest.mark.skipif(find_spec(package) is None, reason=f"{package} is not installed ({why})")


@installed("tensorboard", "pip install tensorboard")
def test_tensorboard_draws_what_the_metrics_say_unless_it_is_declined(here):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    app([*WORDS, "--evaluations", "1"])
    (record,) = load_run_records(here / "runs/records.jsonl").records
    board = EventAccumulator(str(here / "runs/small/tensorboard"))
    board.Reload()
    lines = [json.loads(line) for line in (here / "runs/small/metrics.jsonl").read_text().splitlines()]
    drawn = board.Scalars("loss/train")
    assert [one.step for one in drawn] == [line["tokens"] for line in lines]
    assert [one.value for one in drawn] == pytest.approx([line["loss"] for line in lines])
    assert board.Scalars("loss/held_out")[-1].value == pytest.approx(record.loss)
    assert {"speed/tokens_per_s", "speed/mfu"} < set(board.Tags()["scalars"])
    app([*WORDS, "--out", "plain", "--no-tensorboard"])
    assert (here / "plain/small/metrics.jsonl").is_file() and not (here / "plain/small/tensorboard").exists()


@installed("mlflow", "pip install mlflow-skinny")
def test_mlflow_has_a_run_once_however_often_it_went_on(here, capsys, monkeypatch):
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    import optimoe.trainer.train as trainer

    step = trainer.Stepper.__call__

    def cut(self, batches, rate, where):
        if where.startswith("step 7 "):
            raise Stop
        return step(self, batches, rate, where)

    words = (*WORDS, "--evaluations", "1", "--checkpoint-steps", "4", "--mlflow", "tracked", "--json")
    with monkeypatch.context() as cutting, pytest.raises(Stop):
        cutting.setattr(trainer.Stepper, "__call__", cut)
        app(words)
    from mlflow import MlflowClient

    client = MlflowClient((here / "tracked").as_uri())
    experiment = client.get_experiment_by_name("optimoe").experiment_id
    (begun,) = client.search_runs([experiment])
    assert begun.info.status == "KILLED"
    capsys.readouterr()
    app(words)
    assert json.loads(capsys.readouterr().out)["runs"][0]["status"] == "finished"
    app(words)  # it is over
    (ended,) = client.search_runs([experiment])
    (record,) = load_run_records(here / "runs/records.jsonl").records
    assert ended.info.run_id == begun.info.run_id and ended.info.status == "FINISHED"
    assert ended.data.tags["optimoe.run_id"] == record.run_id and ended.data.tags["mlflow.runName"] == "small"
    assert ended.data.tags["mlflow.note.content"] == "a note"
    assert ended.data.params["schedule.peak_rate"] == "0.003" and ended.data.params["data.tokenizer"] == "bytes"
    lines = [json.loads(line) for line in (here / "runs/small/metrics.jsonl").read_text().splitlines()]
    history = client.get_metric_history(ended.info.run_id, "loss/train")
    assert [(one.step, one.value) for one in history] == [(line["step"], line["loss"]) for line in lines]
    assert ended.data.metrics["end/loss"] == record.loss


@installed("mlflow", "pip install mlflow-skinny")
def test_a_server_that_is_not_there_is_said_once_and_the_run_is_trained(here, capsys, monkeypatch):
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    app([*WORDS, "--mlflow", "http://127.0.0.1:9"])
    (record,) = load_run_records(here / "runs/records.jsonl").records
    said = [line for line in capsys.readouterr().err.splitlines() if "mlflow: tracks no more" in line]
    assert record.status == "finished" and len(said) == 1 and "training goes on (MlflowException: " in said[0]


@pytest.mark.parametrize("package", ["tensorboard", "mlflow"])
def test_a_tracker_that_is_asked_for_and_not_installed_is_named(here, capsys, monkeypatch, package):
    monkeypatch.setattr(request, "find_spec", lambda name: None if name == package else find_spec(name))
    asked = {"tensorboard": ("--tensorboard",), "mlflow": ("--mlflow", "tracked")}[package]
    with pytest.raises(SystemExit) as end:
        main([*WORDS, *asked])
    installs = {"mlflow": "mlflow-skinny"}.get(package, package)
    assert end.value.code == 2
    assert capsys.readouterr().err == f"optimoe: train: needs {package} (pip install '{installs}')\n"
    app([*WORDS, "--no-tensorboard"])
    assert not (here / "runs/small/tensorboard").exists()


class Failing:
    """A tracker that takes so many reports."""

    def __init__(self, most):
        self.most, self.seen, self.ended = most, [], []

    @contextmanager
    def __call__(self, run, folder, first):
        if self.most == 0:
            raise OSError("no room")
        yield self

    def log(self, reports):
        self.seen += [report.step for report in reports]
        if len(self.seen) >= self.most:
            raise RuntimeError("the server\nsays no")

    def end(self, record):
        self.ended.append(record)


def test_a_tracker_that_fails_is_said_once_and_others_and_the_training_go_on(tmp_path):
    corpus, said = corpus_at(tmp_path), []
    trackers = {"late": Failing(3), "early": Failing(0), "sound": Failing(99)}
    with tracked(trackers, tmp_path, unwatched, said.append)(make_run()) as watch:
        record = train(make_run(), tmp_path / "small", [corpus], QUIET, watch=watch)
    assert record.status == "finished" and sorted(said) == [
        "early: tracks no more, training goes on (OSError: no room)",
        "late: tracks no more, training goes on (RuntimeError: the server says no)",
    ]
    assert trackers["sound"].seen == list(range(1, 13)) and trackers["sound"].ended == [record]
    assert trackers["late"].ended == []
    again = Failing(99)
    with tracked({"again": again}, tmp_path, unwatched, said.append)(make_run()) as watch:
        train(make_run(), tmp_path / "small", [corpus], QUIET, watch=watch)
    assert again.seen == again.ended == []  # of a run that was over
