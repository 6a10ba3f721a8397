"""``optimoe laws curve``: training curves beside a law."""

from optimoe.app.cli.options import JsonFlag
from optimoe.app.cli.printing import print_columns, print_json, print_lines
from optimoe.inputs.laws.tests import CurveRequest


def curve(request: CurveRequest, *, json: JsonFlag = False) -> None:
    """Training curves beside what a law says at the same tokens."""
    from optimoe.laws.fitting import drawn_law
    from optimoe.laws.fitting.answers.curve import loss_curves
    from optimoe.report.records.laws.tests import curves_record
    from optimoe.report.words.laws.tests import curve_table, curves_lines, curves_table

    law = drawn_law(request.law, 0)
    curves = loss_curves(request.observations(), law, request.run)
    if json:
        print_json(curves_record(curves, law))
        return
    if request.run:
        print_columns(curve_table(curves[0]))
    print_columns(curves_table(curves))
    print_lines(curves_lines(curves))
