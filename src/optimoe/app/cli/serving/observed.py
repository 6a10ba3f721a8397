"""``optimoe cost size-from-speed`` and ``yun``: a size from what is seen, a price from what was measured."""

from optimoe.app.cli.options import ConfigFile, JsonFlag, QuietFlag
from optimoe.app.cli.printing import show_blocks
from optimoe.app.notes import warn_without_price
from optimoe.inputs.measured.calibration import YunRequest
from optimoe.inputs.measured.observed import SizeFromSpeedRequest


def size_from_speed(
    request: SizeFromSpeedRequest, *, quiet: QuietFlag = False, config: ConfigFile = None, json: JsonFlag = False
) -> None:
    """The largest models that can be sold at an observed speed and price on given GPUs, dense and by sparsity.

    A smaller model can be sold at the same speed and price, with a larger margin.
    """
    from optimoe.cost.sizing.size_from_speed import size_from_speed as guess_sizes
    from optimoe.report.records.served.sizes import sizes_from_speed_record
    from optimoe.report.words.lines import Table
    from optimoe.report.words.served.size_prose import move_rows, size_rows, sizes_lines

    sizes = guess_sizes(
        request.observed(), request.deployment(), request.kinds(), request.shape(), request.stated()
    )
    show_blocks(
        json,
        lambda: sizes_from_speed_record(sizes),
        lambda: [
            sizes_lines(sizes),
            Table(rows=size_rows(sizes), decides=True),
            Table(rows=move_rows(sizes)),
        ],
        quiet=quiet,
    )


def yun(
    request: YunRequest, *, quiet: QuietFlag = False, config: ConfigFile = None, json: JsonFlag = False
) -> None:
    """Yun's price of a served model, the least over numbers of GPUs, by latency tables of measured records."""
    from optimoe.cost.published.yun import latency_tables, stored
    from optimoe.cost.sizing.yun_prices import yun_prices
    from optimoe.report.records.served.tables import yun_prices_record
    from optimoe.report.words.lines import Table
    from optimoe.report.words.served.table_prose import yun_lines, yun_rows

    arch = request.arch()
    experts = request.experts if arch is None else arch.moe.num_experts if arch.moe else 1
    tables = latency_tables(request.chosen(), experts)
    conditions = tables.conditions
    held = stored(arch, conditions.precision, conditions.kv_precision) if arch else tables.between(request.params)
    price = request.price.price(conditions.gpu)
    warn_without_price(conditions.gpu, price, request.price)
    found = yun_prices(tables, held, price, request.concurrency, arch)
    show_blocks(
        json,
        lambda: yun_prices_record(found),
        lambda: [yun_lines(found), Table(rows=yun_rows(found))],
        quiet=quiet,
    )
