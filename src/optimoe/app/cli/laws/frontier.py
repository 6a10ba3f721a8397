"""``optimoe laws frontier``: the best size and tokens at each budget, by laws."""

from optimoe.app.cli.options import JsonFlag
from optimoe.app.cli.printing import show_blocks
from optimoe.app.replies import optima
from optimoe.inputs.laws.optima import FrontierRequest


def frontier(request: FrontierRequest = FrontierRequest(), *, json: JsonFlag = False) -> None:  # noqa: B008 (frozen)
    """Best size and tokens at C = 6ND for every budget, by laws or by a fit to runs, with intervals from draws."""
    reply = optima.frontier(request)
    show_blocks(json, reply.record, reply.blocks)
