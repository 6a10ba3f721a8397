"""``optimoe laws compare`` and ``decide``: what laws say of one design, or of one budget."""

from optimoe.app.cli.options import JsonFlag, QuietFlag
from optimoe.app.cli.printing import show_blocks
from optimoe.app.replies import laws
from optimoe.inputs.laws.compare import CompareLawsRequest, DecideRequest


def compare(request: CompareLawsRequest, *, quiet: QuietFlag = False, json: JsonFlag = False) -> None:
    """One design under every law that covers it, as differences to each law's own dense model."""
    reply = laws.compare(request)
    show_blocks(json, reply.record, reply.blocks, quiet=quiet)


def decide(request: DecideRequest, *, json: JsonFlag = False) -> None:
    """What each law would decide at a training budget: experts, granularity, tokens per parameter."""
    reply = laws.decide(request)
    show_blocks(json, reply.record, reply.blocks)
