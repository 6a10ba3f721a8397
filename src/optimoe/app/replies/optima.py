"""Answers about what is best at equal training FLOPs: by parabolas through runs, and by laws."""

from optimoe.app.replies.reply import Reply
from optimoe.app.waiting import stage
from optimoe.inputs.laws.optima import FrontierRequest, IsoFlopRequest
from optimoe.report.words.lines import Blocks, Table


def isoflop(request: IsoFlopRequest) -> Reply:
    """Best size at each budget: a parabola through the runs around the minimum, beside the optimum of laws."""
    from optimoe.laws.fitting import analyse_isoflop
    from optimoe.report.records.laws.optima import isoflop_record
    from optimoe.report.words.laws.optima import isoflop_lines, isoflop_table

    runs = request.observations()
    with stage(f"analysing {len(runs):,} runs"):
        laws = request.rows(runs)
        analysis = analyse_isoflop(
            runs,
            laws,
            budgets=request.budget_label,
            window=request.window,
            tolerance=request.tolerance,
            resamples=request.resamples,
            level=request.level,
            seed=request.seed,
        )
    verdicts: dict[str, str] = {law.name: law.evidence.verdict or "sound" for law in laws}
    return Reply(
        record=lambda: isoflop_record(analysis, laws),
        blocks=lambda: [Table(rows=isoflop_table(analysis)), isoflop_lines(analysis, verdicts)],
    )


def frontier(request: FrontierRequest) -> Reply:
    """Best size and tokens at C = 6ND for every budget, by laws or by a fit to runs."""
    from optimoe.laws.fitting import find_frontier
    from optimoe.report.records.laws.optima import frontiers_record
    from optimoe.report.words.laws.optima import frontier_lines, frontier_table

    budgets, others = request.budgets(), request.others()
    with stage("asking laws for the best sizes"):
        laws = request.rows(request.found_runs())
        found = [find_frontier(law, budgets, others=others, level=request.level) for law in laws]

    def blocks() -> Blocks:
        return [block for one in found for block in (Table(rows=frontier_table(one)), frontier_lines(one))]

    return Reply(record=lambda: frontiers_record(found, laws), blocks=blocks)
