"""``optimoe laws isoflop`` and ``ratio``: best size, or expert to attention ratio, by parabolas through runs."""

from optimoe.app.cli.options import JsonFlag
from optimoe.app.cli.printing import print_columns, print_json, print_lines, show_blocks
from optimoe.app.replies import optima
from optimoe.app.waiting import stage
from optimoe.inputs.laws.optima import IsoFlopRequest, RatioRequest


def isoflop(request: IsoFlopRequest, *, json: JsonFlag = False) -> None:
    """Best size at each budget: a parabola through the runs around the minimum, beside the optimum of laws."""
    reply = optima.isoflop(request)
    show_blocks(json, reply.record, reply.blocks)


def ratio(request: RatioRequest, *, json: JsonFlag = False) -> None:
    """Best ratio of expert to attention FLOPs at each budget and sparsity, and the law r* = α_r·C^β_r of it."""
    from optimoe.laws.fitting import analyse_ratio
    from optimoe.report.records.laws.optima import ratio_record
    from optimoe.report.words.laws.ratio import ratio_lines, ratio_table

    runs = request.observations()
    with stage(f"analysing {len(runs):,} runs"):
        analysis = analyse_ratio(
            runs,
            window=request.window,
            tolerance=request.tolerance,
            resamples=request.resamples,
            level=request.level,
            seed=request.seed,
        )
    if json:
        print_json(ratio_record(analysis))
        return
    print_columns(ratio_table(analysis))
    print_lines(ratio_lines(analysis))
