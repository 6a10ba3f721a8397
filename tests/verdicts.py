"""Checks that a verdict follows from numbers that were computed, and from nothing else."""

from math import inf, isclose, isnan

from optimoe.core.claims import EXPLAINED_SHARE, Reproduction, contradicts, gap


def assert_computed(row: Reproduction) -> None:
    """The verdict again from the printed range, ours, the causes that ran and the text's other numbers."""
    apart = gap(row.published, row.ours, whole=row.whole)
    shares = [1 - gap(row.published, cause.ours, whole=row.whole) / apart for cause in row.causes] if apart else []
    for share, cause in zip(shares, row.causes, strict=True):
        assert isnan(cause.closes) or isclose(share, cause.closes, rel_tol=1e-9, abs_tol=1e-12), cause
    counted = [share for share, cause in zip(shares, row.causes, strict=True) if not cause.ruled_out]
    best = max((share for share in counted if share > -inf), default=-inf)
    if apart == 0:
        expected = "reproduced"
    elif row.derived and contradicts(row.published, row.ours, row.derived):
        expected = "contradicts_itself"
    else:
        expected = "explained" if best >= EXPLAINED_SHARE else "not_reproduced"
    assert row.verdict == expected, row
