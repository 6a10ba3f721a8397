"""Facts of labs' runs: every row names its source and a model that the catalog counts."""

import re

import pytest

from optimoe.core.config import build
from optimoe.core.errors import ConfigError
from optimoe.cost.hardware.accelerator import accelerator_names
from optimoe.planner.labs import Lab, all_labs


@pytest.mark.parametrize("lab", all_labs(), ids=lambda lab: lab.name)
def test_every_run_has_a_source_a_date_and_numbers_that_can_be(lab):
    assert lab.source.strip() and lab.organisation and lab.title
    assert re.fullmatch(r"20\d\d-(0[1-9]|1[0-2])", lab.date)
    assert lab.gpu == "" or lab.gpu in accelerator_names()
    assert lab.tokens == 0 or 1e12 <= lab.tokens <= 1e14
    assert lab.tokens > 0 or lab.gpu_hours > 0
    assert 1e8 < lab.params_active < 1e12


def test_a_run_s_compute_is_six_flops_a_parameter_and_token():
    lab = next(lab for lab in all_labs() if lab.name == "deepseek-v3")
    assert lab.train_flops == 6 * lab.params_active * 14.8e12
    assert lab.train_flops == pytest.approx(3.3e24, rel=0.02)


def test_hours_without_their_basis_are_refused():
    with pytest.raises(ConfigError, match="hours_basis"):
        build(Lab, {"name": "x", "title": "x", "organisation": "x", "date": "2025-01", "gpu_hours": 1.0,
                    "source": "x"}, where="x")  # fmt: skip
