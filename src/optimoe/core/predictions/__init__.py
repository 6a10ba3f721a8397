"""Predictions that are written down before their outcome, and how well they did."""

from optimoe.core.predictions.entries import LedgerEntry, LedgerOutcome, LedgerPrediction, PredictionLedger
from optimoe.core.predictions.ledger import add_outcome, add_prediction, load_ledger
from optimoe.core.predictions.read import ReadNumber, read_number
from optimoe.core.predictions.score import BandScore, LedgerScore, score_ledger

__all__ = [
    "BandScore",
    "LedgerEntry",
    "LedgerOutcome",
    "LedgerPrediction",
    "LedgerScore",
    "PredictionLedger",
    "ReadNumber",
    "add_outcome",
    "add_prediction",
    "load_ledger",
    "read_number",
    "score_ledger",
]
