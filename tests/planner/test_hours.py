"""Labs' own hours beside ours, and the band that ships."""

import numpy as np
import pytest

from optimoe.cost.training.estimate import hours_band
from optimoe.cost.training.search import best_training
from optimoe.cost.training.setup import training_range, usual_hours_ratio
from optimoe.planner.hours import LabHours, band_of_hours, held_left_out, lab_hours, lab_run
from optimoe.planner.labs import all_labs

RATIOS = np.array([row.ratio for row in lab_hours() if row.counts])


def test_deepseek_v3_s_hours_follow_from_its_batch_within_a_fifth():
    lab = next(lab for lab in all_labs() if lab.name == "deepseek-v3")
    run = lab_run(lab, batch_tokens=15_360 * 4096)
    own = LabHours(lab=lab, estimate=best_training(lab.spec, run))
    assert own.predicted == pytest.approx(2.664e6, rel=0.2)
    assert lab_run(lab).batch_tokens == pytest.approx(15_360 * 4096, rel=0.1)  # and the rule gives that batch


def test_bounds_and_time_with_stops_do_not_count():
    left_out = {row.lab.name for row in lab_hours() if not row.counts}
    assert left_out == {"llama-3.1-8b", "trinity-large"}


def test_the_band_that_ships_is_the_one_of_the_rows_and_holds_four_in_five_left_out():
    assert training_range("hours_error") == pytest.approx(band_of_hours(RATIOS), abs=0.05)
    assert usual_hours_ratio() == pytest.approx(np.median(RATIOS), abs=0.05)
    assert held_left_out(RATIOS) >= 0.8


def test_a_band_holds_every_run_and_widens_with_their_spread():
    low, high = band_of_hours(RATIOS)
    assert low <= RATIOS.min()
    assert high >= RATIOS.max()
    wider = band_of_hours(RATIOS**2 / np.median(RATIOS))
    assert wider[1] / wider[0] > high / low
    hours = hours_band(100.0)
    assert hours.low / 100 == training_range("hours_error")[0]
