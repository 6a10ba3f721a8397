"""``optimoe predictions``: a ledger of predictions, made before their outcome."""

from cyclopts import App

from optimoe.app.cli.options import JsonFlag
from optimoe.app.cli.printing import show, show_blocks
from optimoe.inputs.predictions.add import AddPredictionRequest
from optimoe.inputs.predictions.ledger import LedgerRequest
from optimoe.inputs.predictions.outcome import AddOutcomeRequest

app = App(name="predictions", help="Predictions written down before their outcome.")


@app.default
def predictions(request: LedgerRequest = LedgerRequest(), *, json: JsonFlag = False) -> None:  # noqa: B008 (frozen)
    """A ledger of predictions, and the score: how many bands held, how far off, how sharp."""
    from optimoe.core.predictions import load_ledger, score_ledger
    from optimoe.report.records.predictions.score import ledger_score_record
    from optimoe.report.words.predictions.score import ledger_blocks

    ledger = load_ledger(request.ledger)
    score = score_ledger(ledger)
    show_blocks(
        json, lambda: ledger_score_record(request.ledger, ledger, score), lambda: ledger_blocks(ledger, score)
    )


@app.command
def add(request: AddPredictionRequest, *, json: JsonFlag = False) -> None:
    """Write a prediction down: number, band, command and version of a record; it is never changed."""
    from optimoe.core.predictions import add_prediction
    from optimoe.report.records.predictions.entries import entry_record
    from optimoe.report.words.predictions.entries import entry_lines

    entry = add_prediction(request.ledger, request.prediction())
    show(json, lambda: entry_record(entry), lambda: entry_lines(entry))


@app.command
def outcome(request: AddOutcomeRequest, *, json: JsonFlag = False) -> None:
    """Add what came of a prediction, once, with its source and date."""
    from optimoe.core.predictions import add_outcome, load_ledger
    from optimoe.report.records.predictions.entries import entry_record
    from optimoe.report.words.predictions.entries import entry_lines

    said = load_ledger(request.ledger).entry(request.name).prediction
    number, source = request.number(said), request.source_words()
    entry = add_outcome(request.ledger, said.name, number, source=source, measured_utc=request.date)
    show(json, lambda: entry_record(entry), lambda: entry_lines(entry))
