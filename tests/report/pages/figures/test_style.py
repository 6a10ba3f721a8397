"""One style for all figures."""

import pytest

from optimoe.report.pages.figures.style import DARK, SERIES, log_axis


@pytest.mark.parametrize("values", [(3.0, 40.0), (0.002,), (1.0, 1000.0), (0.0, 7.0)])
def test_a_logarithmic_axis_is_marked_around_every_positive_value(values):
    axis = log_axis(values)
    known = [value for value in values if value > 0]
    assert min(axis["tickvals"]) <= min(known)
    assert max(axis["tickvals"]) >= max(known)
    assert len(axis["tickvals"]) == len(axis["ticktext"])


def test_marks_are_written_in_full():
    axis = log_axis([900.0, 1100.0])
    labels = dict(zip(axis["tickvals"], axis["ticktext"], strict=True))
    assert (labels[200.0], labels[1000.0]) == ("200", "1,000")


def test_many_decades_are_marked_once_each_and_large_numbers_by_a_prefix():
    assert log_axis([1e18, 3e21])["ticktext"] == ["1e18", "1e19", "1e20", "1e21", "1e22"]
    assert log_axis([2e8, 3e9])["ticktext"][:4] == ["100M", "200M", "500M", "1B"]


def test_colours_of_a_dark_screen_are_told_apart_from_its_paper_and_each_other():
    dark = [DARK[colour] for colour in SERIES]
    assert len(set(dark)) == len(SERIES)
    assert min(contrast(colour, DARK["#ffffff"]) for colour in dark) > 3  # WCAG 1.4.11, graphics


def contrast(one, other):
    low, high = sorted(map(luminance, (one, other)))
    return (high + 0.05) / (low + 0.05)


def luminance(colour):
    """Relative luminance of WCAG 2."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
