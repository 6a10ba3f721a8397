"""``optimoe sweep status``, ``retry``, ``export`` and ``compare``: the store of a sweep, whoever works on it."""

from optimoe.app.cli.options import JsonFlag, PageFile, QuietFlag
from optimoe.app.cli.printing import show, show_blocks
from optimoe.inputs.sweeps.compare import GateRequest
from optimoe.inputs.sweeps.store import ExportRunsRequest, RetryRequest, StoreRequest


def status(
    request: StoreRequest, *, page: PageFile = None, quiet: QuietFlag = False, json: JsonFlag = False
) -> None:
    """Where the runs of a sweep are, also while others work on it."""
    from optimoe.report.records.runs.sweep import sweep_record
    from optimoe.report.words.runs.sweep import sweep_blocks

    store = request.opened()
    states, reckoning = store.states(), store.reckoning()
    if page is not None:
        from optimoe.core.files import write_text
        from optimoe.report.pages.sweep_page import sweep_page

        write_text(page, sweep_page(states, store.records_file))
    show_blocks(
        json,
        lambda: sweep_record(store, states, reckoning),
        lambda: sweep_blocks(store, states, reckoning),
        quiet=quiet,
    )


def retry(request: RetryRequest, *, json: JsonFlag = False) -> None:
    """Let runs that were given up be done again, by the next sweep on this store."""
    from optimoe.report.records.runs.sweep import RetriedRunsRecord

    names = request.opened().try_again(request.only)
    show(
        json,
        lambda: RetriedRunsRecord(store=str(request.store), runs=names),
        lambda: [("Again", ", ".join(names) or "none had been given up")],
    )


def export(request: ExportRunsRequest, *, json: JsonFlag = False) -> None:
    """Write the records of a sweep as CSV, Parquet or JSON lines."""
    from optimoe.report.records.runs.gate import ExportedRunsRecord
    from optimoe.report.tables.runs import export_records

    number = export_records(request.opened().records_file, request.out, bare=request.bare)
    show(
        json,
        lambda: ExportedRunsRecord(store=str(request.store), out=str(request.out), num_runs=number),
        lambda: [("Written", f"{number} runs to {request.out}")],
    )


def compare(request: GateRequest, *, quiet: QuietFlag = False, json: JsonFlag = False) -> None:
    """Hold a variant against a baseline over a ladder and paired seeds: its effective speed-up."""
    from optimoe.core.files import write_text
    from optimoe.core.records import to_json
    from optimoe.report.records.runs.gate import gate_record
    from optimoe.report.records.schema import document
    from optimoe.report.words.runs.gate import gate_blocks

    gate = request.judged()
    record = gate_record(gate, str(request.store), request.baseline, request.variant)
    write_text(request.file, to_json(document(record)) + "\n")
    show_blocks(
        json,
        lambda: record,
        lambda: gate_blocks(gate, request.baseline, request.variant, str(request.file)),
        quiet=quiet,
    )
