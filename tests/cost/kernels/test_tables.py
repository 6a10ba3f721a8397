"""The curves beside the operator tables that were installed: medians are what the rows of the curves say."""

import importlib
import importlib.util
import os
from pathlib import Path

import numpy as np
import pytest

from optimoe.cost.kernels.curve import find_curve, find_row
from optimoe.cost.kernels.families.collectives import find_link_curve

BENCHMARKS = Path(__file__).parents[3] / "benchmarks"
pytestmark = [
    pytest.mark.skipif(
        importlib.util.find_spec("aiconfigurator_core") is None or importlib.util.find_spec("pyarrow") is None,
        reason="the operator tables (aiconfigurator-core, pyarrow) are not installed",
    ),
    pytest.mark.skipif("OPTIMOE_DATA" not in os.environ, reason="OPTIMOE_DATA names no folder of data"),
]


@pytest.mark.parametrize(
    ("maker", "family", "kind", "gpu", "engine"),
    [
        ("small_data.small_families", "elementwise", "bf16", "h100-sxm", "trtllm"),
        ("small_data.small_families", "elementwise", "bf16", "b200-sxm", "vllm"),
    ],
)
def test_medians_of_curves_are_those_of_the_tables(monkeypatch, maker, family, kind, gpu, engine):
    monkeypatch.syspath_prepend(BENCHMARKS)
    module, _, make = maker.partition(".")
    fit_kernels = importlib.import_module("fit_kernels")
    (one,) = [found for found in getattr(importlib.import_module(module), make)() if found.kind == kind]
    (source,) = [found for found in one.rows if (found.gpu, found.engine) == (gpu, engine)]
    curve = find_curve(family, kind, source.accelerator, engine)
    rows = fit_kernels.tested_rows(one, source)
    error = float(np.median(abs(np.log(one.predict(curve, source.accelerator, rows) / rows["t"]))))
    assert error < 1.5 * find_row(family, kind, source.architecture, engine)["median_error"] + 0.01


@pytest.mark.parametrize(
    ("gpu", "engine"), [("b200-sxm", "vllm"), ("h200-sxm", "trtllm"), ("rtx-pro-6000", "trtllm")]
)
def test_medians_of_all_reduces_are_those_of_the_tables(monkeypatch, gpu, engine):
    monkeypatch.syspath_prepend(BENCHMARKS)
    fit_kernels, link_data = (importlib.import_module(name) for name in ("fit_kernels", "link_data"))
    one = next(found for found in link_data.link_families() if found.kind == "all_reduce")
    (source,) = [found for found in one.rows if (found.gpu, found.engine) == (gpu, engine)]
    curve, rows = find_link_curve("all_reduce", source.accelerator, engine), one.rows[source]
    error = float(np.median(abs(fit_kernels.log_error(one, curve, 0.0, source, rows))))
    assert error < 0.16
