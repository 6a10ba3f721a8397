"""``optimoe cost train``: how long a training run takes, and in which layout."""

from optimoe.app.cli.options import ConfigFile, JsonFlag, QuietFlag
from optimoe.app.cli.printing import show
from optimoe.app.notes import warn_of_notes, warn_without_price
from optimoe.inputs.cost import TrainCostRequest


def train(
    request: TrainCostRequest, *, quiet: QuietFlag = False, config: ConfigFile = None, json: JsonFlag = False
) -> None:
    """Train a model: the fastest layout that fits, its MFU, days and dollars."""
    from optimoe.cost.training.search import best_training
    from optimoe.report.records.training import training_record
    from optimoe.report.words.training_prose import training_lines

    spec, run = request.spec(), request.run()
    warn_of_notes(run.cluster.accelerator)
    warn_without_price(run.cluster.accelerator.name, run.price, request.price)
    best = best_training(spec, run)
    show(
        json,
        lambda: training_record(best, request.tokens),
        lambda: training_lines(best, request.tokens),
        quiet=quiet,
    )
