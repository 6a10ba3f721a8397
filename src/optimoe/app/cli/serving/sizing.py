"""``optimoe cost fleet``, ``context``, ``disaggregate`` and ``curves``: how many GPUs, and how cost changes."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from optimoe.app.cli.options import ConfigFile, JsonFlag, PageFile, QuietFlag
from optimoe.app.cli.printing import print_columns, print_json, show_blocks, write_page
from optimoe.app.replies import serving, sizing
from optimoe.inputs.cost import ContextRequest, CurvesRequest, DisaggregateRequest, FleetRequest

CurvesPage = Annotated[
    Path | None, Parameter(help="Page of the curves (cost.html; with --json only where stated).")
]


def fleet(
    request: FleetRequest,
    *,
    page: PageFile = None,
    quiet: QuietFlag = False,
    config: ConfigFile = None,
    json: JsonFlag = False,
) -> None:
    """The fewest and the cheapest GPUs that carry a load within the limits, over kinds and sizes of GPUs."""
    reply = serving.fleet(request)
    write_page(reply, page)
    show_blocks(json, reply.record, reply.blocks, quiet=quiet)


def context(
    request: ContextRequest, *, quiet: QuietFlag = False, config: ConfigFile = None, json: JsonFlag = False
) -> None:
    """The longest prompt that fits the memory and keeps the limits, over all layouts."""
    reply = sizing.context(request)
    show_blocks(json, reply.record, reply.blocks, quiet=quiet)


def disaggregate(
    request: DisaggregateRequest, *, quiet: QuietFlag = False, config: ConfigFile = None, json: JsonFlag = False
) -> None:
    """Prefill and decoding on GPUs of their own, beside GPUs that do both."""
    reply = sizing.disaggregate(request)
    show_blocks(json, reply.record, reply.blocks, quiet=quiet)


def curves(
    request: CurvesRequest, *, out: CurvesPage = None, config: ConfigFile = None, json: JsonFlag = False
) -> None:
    """Speed against throughput over all layouts, and price against context and batch: a table and cost.html."""
    from optimoe.core.files import write_text
    from optimoe.report.records.sizing import curves_record

    drawn = serving.drawn_curves(request)
    if out is not None or not json:
        from optimoe.report.pages.serving_page import curves_page

        write_text(out or Path("cost.html"), curves_page(drawn))
    if json:
        print_json(curves_record(request.spec(), drawn))
        return
    from optimoe.report.pages.serving_page import frontier_rows

    print_columns(frontier_rows(drawn.frontier.points))
    print(f"\n{out or 'cost.html'}")
