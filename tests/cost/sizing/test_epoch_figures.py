"""Figures to the article of Epoch AI that take the full cost model."""

from optimoe.cost.sizing.epoch_figures import FIGURES


def test_a_batch_that_reads_every_expert_decodes_like_all_parameters_and_a_large_one_like_the_active_size_again():
    make = FIGURES["epoch2024"]["batch"]
    figure = make()
    assert make.__doc__.splitlines()[0] == f"{figure.title}."
    full, fast, slow = (series.y for series in figure.series)
    most = full.index(max(full))
    assert figure.series[0].x[most] == 16
    assert 0.9 * 140.6e9 < full[most] < 140.6e9
    assert slow[0] < full[0] < fast[0] < full[most]
    assert slow[0] < full[-1] < min(2 * slow[0], 0.6 * full[most])
