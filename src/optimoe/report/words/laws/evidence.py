"""What stands behind a fitted law, in labelled lines."""

from optimoe.laws.law import LawRow
from optimoe.report.words.lines import Lines, labelled


def evidence_lines(row: LawRow) -> Lines:
    """Verdict, runs, files, what was left out, the test on unseen runs and draws; nothing for a published law."""
    evidence, test = row.evidence, row.evidence.holdout
    lines: Lines = []
    if evidence.verdict:
        lines.append(("Fit", "; ".join(filter(None, [evidence.words, _size(row), evidence.objective]))))
    lines += labelled("N counts", [f"{row.n_convention}, {evidence.n_basis}"] if evidence.n_basis else [])
    lines += labelled("Files", list(evidence.files))
    lines += labelled("Excluded", [f"{count} rows: {reason}" for reason, count in evidence.excluded.items()])
    if test is not None:
        held = (
            f"{test.rule}: {test.held_runs} runs, rmse of ln L {test.rmse_log:.4f}, {test.inside:.0%} in the band"
        )
        lines.append(("Held out", held if test.converged else f"{held}; that fit did not converge"))
    draws = max(map(len, row.draws.values()), default=0)
    if draws:
        lines.append(("Draws", f"{draws} of {', '.join(row.draws)}, drawn by {evidence.cluster or 'row'}"))
    made = " · ".join(filter(None, [evidence.date, evidence.command]))
    return lines + labelled("Made", [made] if made else [])


def _size(row: LawRow) -> str:
    evidence = row.evidence
    if not evidence.runs:
        return ""
    return f"{evidence.runs} runs, {evidence.outliers} outliers, condition {evidence.condition:.3g}"
