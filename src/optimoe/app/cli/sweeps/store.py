"""``optimoe sweep status`` and ``retry``: the store of a sweep, whoever works on it."""

from optimoe.app.cli.options import JsonFlag, QuietFlag
from optimoe.app.cli.printing import show, show_blocks
from optimoe.inputs.sweeps.store import RetryRequest, StoreRequest


def status(request: StoreRequest, *, quiet: QuietFlag = False, json: JsonFlag = False) -> None:
    """Where the runs of a sweep are, also while others work on it."""
    from optimoe.report.records.runs.sweep import sweep_record
    from optimoe.report.words.runs.sweep import sweep_blocks

    store = request.opened()
    states = store.states()
    show_blocks(json, lambda: sweep_record(store, states), lambda: sweep_blocks(store, states), quiet=quiet)


def retry(request: RetryRequest, *, json: JsonFlag = False) -> None:
    """Let runs that were given up be done again, by the next sweep on this store."""
    from optimoe.report.records.runs.sweep import RetriedRunsRecord

    names = request.opened().try_again(request.only)
    show(
        json,
        lambda: RetriedRunsRecord(store=str(request.store), runs=names),
        lambda: [("Again", ", ".join(names) or "none had been given up")],
    )
