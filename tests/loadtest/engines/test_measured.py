"""An engine is started for a measurement, measured and ended, and a measurement survives its engine."""

import importlib.util
import json
import os
import signal
import time
from contextlib import contextmanager

import pytest

from optimoe.app.main import app
from optimoe.core.latency import load_latency_records
from tests.loadtest.engines.served import alive, command, llamacpp

pytestmark = [
    llamacpp,
    pytest.mark.skipif(
        importlib.util.find_spec("httptools") is None,
        reason="the client is needed: pip install 'optimoe[measure]'",
    ),
]
LENGTHS = ("--input-tokens", "24", "--output-tokens", "80")


def test_a_served_model_is_measured_at_two_loads_and_recorded(slow, tmp_path, capsys):
    out = tmp_path / "records.jsonl"
    words = ["--concurrency", "1,4", "--requests", "20", *LENGTHS, "--model", str(slow / "hf"), "--gpu", "l40s"]
    app(["measure", "--serve", str(slow / "slow.gguf"), *words, "--out", str(out), "--json"])
    told = json.loads(capsys.readouterr().out)
    assert (told["engine"], told["engine_version"][:2]) == ("llamacpp", "20")
    assert [(level["concurrency"], level["failed"]) for level in told["levels"]] == [(1, 0), (4, 0)]
    one, four = load_latency_records(out)
    assert (one.concurrency, four.concurrency) == (1, 4)
    assert one.engine == "llamacpp" and one.engine_version[:4] >= "2026"
    assert one.output_tokens == 80 and one.input_tokens == pytest.approx(24, abs=8)
    assert 0 < one.tpot_s < 1 and 0 < one.ttft_s < 10
    assert alive(str(slow / "slow.gguf")) == {}


@contextmanager
def measuring(model, tmp_path):
    """A long measurement in a process of its own, when requests have been answered."""
    log = tmp_path / "log.jsonl"
    words = ("--concurrency", "4", "--requests", "100000", *LENGTHS, "--log", log)
    with command("measure", "--serve", model, *words) as process:
        while process.poll() is None and (not log.exists() or len(log.read_bytes().splitlines()) < 100):
            time.sleep(0.02)
        yield process, log


def answered(log):
    return [line for line in map(json.loads, log.read_text().splitlines()) if not line["error"]]


def test_an_engine_that_is_killed_while_it_is_measured_is_an_error_and_what_it_answered_is_kept(tiny, tmp_path):
    with measuring(tiny / "tiny.gguf", tmp_path) as (process, log):
        (engine,) = alive(f"engines.llamacpp {tiny}")
        os.kill(engine, signal.SIGKILL)
        printed, said = process.communicate(timeout=60)
    assert process.returncode == 2
    assert said.splitlines()[-1].startswith("optimoe: llamacpp: was ended by SIGKILL while it was needed")
    assert "the endpoint went away; figures are of what it answered before" in " ".join(printed.split())
    assert len(answered(log)) >= 90


def test_ctrl_c_while_an_engine_is_measured_prints_what_was_answered_and_leaves_no_engine(tiny, tmp_path):
    with measuring(tiny / "tiny.gguf", tmp_path) as (process, log):
        process.send_signal(signal.SIGINT)
        printed, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "4 in flight" in printed and len(answered(log)) >= 90
    assert alive(str(tiny / "tiny.gguf")) == {}
