"""``optimoe cost size-from-speed``: a model from what is seen of it."""

from optimoe.app.cli.options import ConfigFile, JsonFlag
from optimoe.app.cli.printing import print_columns, print_json, print_lines
from optimoe.inputs.observed import SizeFromSpeedRequest


def size_from_speed(request: SizeFromSpeedRequest, *, config: ConfigFile = None, json: JsonFlag = False) -> None:
    """The largest models that can be sold at an observed speed and price on given GPUs, dense and by sparsity.

    A smaller model can be sold at the same speed and price, with a larger margin.
    """
    from optimoe.cost.sizing.size_from_speed import size_from_speed as guess_sizes
    from optimoe.report.records.served.sizes import sizes_from_speed_record
    from optimoe.report.words.served.size_prose import move_rows, size_rows, sizes_lines

    sizes = guess_sizes(
        request.observed(), request.deployment(), request.kinds(), request.shape(), request.stated()
    )
    if json:
        print_json(sizes_from_speed_record(sizes))
        return
    print_lines(sizes_lines(sizes))
    for table in (size_rows(sizes), move_rows(sizes)):
        print()
        print_columns(table)
