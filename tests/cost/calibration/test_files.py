from dataclasses import replace

import pytest

from optimoe.core.errors import InputError, UnknownNameError
from optimoe.cost.calibration import (
    calibrate,
    calibration_names,
    find_calibration,
    save_calibration,
)
from optimoe.cost.calibration.factors import FACTORS
from tests.cost.calibration.cases import PLANTED, QUICK, measured, sweep


@pytest.fixture(scope="module")
def calibration():
    return calibrate(measured(sweep(batches=(1, 64), inputs=(32, 4096)), PLANTED), settings=QUICK)


@pytest.mark.parametrize("ending", ["toml", "json"])
def test_a_calibration_survives_a_file(tmp_path, ending, calibration):
    calibration = replace(
        calibration, name='our "v2" \\ runs · ü', source='records "v2".jsonl', gpus=('h100 "ours"',)
    )
    save_calibration(calibration, tmp_path / f"ours.{ending}")
    assert find_calibration(str(tmp_path / f"ours.{ending}")) == calibration


def test_another_ending_is_refused(tmp_path):
    calibration = find_calibration(calibration_names()[0])
    with pytest.raises(InputError, match=r"must end in \.toml or \.json"):
        save_calibration(calibration, tmp_path / "ours.txt")


@pytest.mark.parametrize("name", calibration_names())
def test_every_preset_says_where_it_comes_from_and_helps(name):
    preset = find_calibration(name)
    assert preset.source and preset.measured_to and preset.engine_version
    assert preset.verdict == "better"
    assert all(interval.low <= interval.high for interval in preset.intervals.values())
    assert set(preset.intervals) == set(FACTORS)


def test_an_unknown_preset_names_the_nearest():
    with pytest.raises(UnknownNameError, match="nearest"):
        find_calibration("sglang-0.5.8")
