"""This machine as an accelerator's file, which prices a model."""

import torch

from optimoe.core.config import save_toml
from optimoe.cost.hardware.accelerator import find_accelerator
from optimoe.trainer.probing.machine import probe_machine


def test_what_is_measured_here_is_an_accelerator(tmp_path, monkeypatch):
    monkeypatch.setattr("optimoe.trainer.probing.machine._COPIED_BYTES", 1 << 22)
    found = probe_machine(torch.device("cpu"))
    save_toml(tmp_path / "here.toml", found.accelerator)
    accelerator = find_accelerator(str(tmp_path / "here.toml"))
    assert accelerator.architecture == "cpu" and accelerator.memory_bytes == found.memory_bytes > 1e9
    assert accelerator.peak_flops_per_s == found.peak_flops_per_s and found.peak_flops_per_s["fp32"] > 1e9
    assert "measured here on 20" in accelerator.source and 0 < found.launch_s < 1e-3
    assert (found.host_bytes_per_s, found.threads) == (0, torch.get_num_threads())
