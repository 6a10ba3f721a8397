"""What stands behind a law, in lines."""

from dataclasses import replace

from optimoe.laws.catalog import find_law
from optimoe.laws.evidence import Evidence, HoldOutEvidence
from optimoe.report.words.laws.evidence import evidence_lines

ROW = find_law("besiroglu2024").row


def test_a_published_law_has_no_such_lines():
    assert evidence_lines(ROW) == []


def test_verdict_rows_test_and_draws_have_a_line_each():
    evidence = Evidence(
        verdict="ill_conditioned",
        weakest=("A", "alpha"),
        condition=2e8,
        objective="huber(delta=0.001) on ln L",
        runs=40,
        outliers=2,
        excluded={"loss is nan": 3},
        holdout=HoldOutEvidence(rule="top20%", held_runs=8, rmse_log=0.02, inside=0.5, converged=False),
        files=("a.csv", "b.csv"),
        n_basis="stated",
        cluster="seed",
        date="2026-11-28",
    )
    lines = evidence_lines(replace(ROW, evidence=evidence, draws={"A": (1.0, 2.0), "alpha": (0.3, 0.4)}))
    assert lines == [
        ("Fit", "ill conditioned: A, alpha; 40 runs, 2 outliers, condition 2e+08; huber(delta=0.001) on ln L"),
        ("N counts", "total, stated"),
        ("Files", "a.csv"),
        ("", "b.csv"),
        ("Excluded", "3 rows: loss is nan"),
        ("Held out", "top20%: 8 runs, rmse of ln L 0.0200, 50% in the band; that fit did not converge"),
        ("Draws", "2 of A, alpha, drawn by seed"),
        ("Made", "2026-11-28"),
    ]
