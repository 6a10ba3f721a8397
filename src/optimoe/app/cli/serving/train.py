"""``optimoe cost train``: how long a training run takes, and in which layout."""

from optimoe.app.cli.options import ConfigFile, JsonFlag, QuietFlag
from optimoe.app.cli.printing import show_blocks
from optimoe.app.replies import sizing
from optimoe.inputs.cost import TrainCostRequest


def train(
    request: TrainCostRequest, *, quiet: QuietFlag = False, config: ConfigFile = None, json: JsonFlag = False
) -> None:
    """Train a model: the fastest layout that fits, its MFU, days and dollars."""
    reply = sizing.train(request)
    show_blocks(json, reply.record, reply.blocks, quiet=quiet)
