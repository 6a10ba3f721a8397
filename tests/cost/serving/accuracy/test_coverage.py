import importlib
import os
from pathlib import Path

import pytest

from optimoe.core.config import build
from optimoe.cost.engines.measured import Measured
from optimoe.cost.hardware.accelerator import accelerator_names
from optimoe.cost.serving.accuracy.coverage import shipped_coverage, whole_range, years

BENCHMARKS = Path(__file__).resolve().parents[4] / "benchmarks"


def test_what_was_measured_names_gpus_that_there_are_and_ranges():
    rows = shipped_coverage()
    assert {row.gpu for row in rows} <= set(accelerator_names())
    assert {row.engine for row in rows} == {"vllm", "sglang", "trtllm"}
    low, high = whole_range(rows, "requests")
    assert 1 <= low < high
    assert years(rows) == "2025–26"


@pytest.mark.skipif(
    "OPTIMOE_DATA" not in os.environ, reason="the measured deployments are not at hand: OPTIMOE_DATA"
)
def test_the_table_is_what_the_measured_deployments_say(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    table = importlib.import_module("serving_coverage").table()
    rows = tuple(build(Measured, row, where="computed") for row in table["deployment"])
    assert rows == shipped_coverage()
