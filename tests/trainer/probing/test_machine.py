"""This machine as an accelerator's file, which prices a model."""

import pytest
import torch

from optimoe.core.config import save_toml
from optimoe.cost.hardware.accelerator import find_accelerator
from optimoe.trainer.device import so_many_threads
from optimoe.trainer.probing import calls, steps
from optimoe.trainer.probing.machine import probe_machine


@pytest.fixture
def few(monkeypatch):
    """So few calls that they take a second or two."""
    monkeypatch.setattr("optimoe.trainer.probing.machine._COPIED_BYTES", 1 << 24)
    monkeypatch.setattr("optimoe.trainer.probing.clock._ROUNDS", 1)
    monkeypatch.setattr("optimoe.trainer.probing.clock._LEAST_S", 1e-4)
    monkeypatch.setattr("optimoe.trainer.device._SECONDS", 0.01)
    monkeypatch.setattr(steps, "_ROUNDS", 1)
    monkeypatch.setattr(calls, "COLD_WEIGHTS", ())
    monkeypatch.setattr(calls, "EXPERTS", calls.EXPERTS[:2])
    monkeypatch.setattr(calls, "TRAINED_TOKENS", (256,))
    monkeypatch.setattr(steps, "STEPS", steps.STEPS[2:3])


def test_what_is_measured_here_is_an_accelerator_with_curves_of_its_own(tmp_path, few):
    with so_many_threads(1):
        found = probe_machine(torch.device("cpu"))
    save_toml(tmp_path / "here.toml", found.accelerator)
    accelerator = find_accelerator(str(tmp_path / "here.toml"))
    assert accelerator.architecture == "cpu" and accelerator.memory_bytes == found.memory_bytes > 1e9
    assert accelerator.peak_flops_per_s == found.peak_flops_per_s and found.peak_flops_per_s["fp32"] > 1e9
    assert "measured here on 20" in accelerator.source and 0 < accelerator.launch_s < 1e-3
    assert (found.host_bytes_per_s, accelerator.threads) == (0, 1)
    assert accelerator.curves == found.curves
    assert {"gemm", "experts", "prefill_attention", "decode_attention", "training"} < set(found.curves)
    assert all(set(kinds) == {"bf16", "fp32"} for kinds in found.curves.values())


def test_a_file_without_operators_has_no_curves(few):
    found = probe_machine(torch.device("cpu"), operators=False)
    assert not found.curves and not found.accelerator["curves"]
