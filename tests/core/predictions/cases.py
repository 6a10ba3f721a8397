"""A prediction that the tests change one field at a time, and ledgers of a known calibration."""

from optimoe.core.predictions import LedgerEntry, LedgerOutcome, LedgerPrediction, PredictionLedger

MADE = "2026-01-02T03:04:05Z"


def said(**changes):
    fields = {
        "name": "tpot",
        "value": 0.008,
        "low": 0.005,
        "high": 0.010,
        "level": 0.9,
        "unit": "s",
        "what": "tpot_s",
        "command": "optimoe cost moe --json",
        "version": "0.1.0",
        "made_utc": MADE,
        "entered_utc": "2026-01-02T04:00:00Z",
        "settled_by": "bench latency",
    } | changes
    return LedgerPrediction(**fields)


def settled(prediction, value, measured_utc="2026-01-03"):
    outcome = LedgerOutcome(
        name=prediction.name,
        value=value,
        source="bench",
        measured_utc=measured_utc,
        entered_utc="2026-01-04T00:00:00Z",
        seal=prediction.seal,
    )
    return LedgerEntry(prediction=prediction, outcome=outcome)


def drawn_ledger(chance, size, spread=0.2, stretch=1.0):
    """Outcomes that lie lognormally around what was said; bands of 90 %, ``stretch`` times as wide as is true."""
    ends = 1.6448536269514722 * spread * stretch
    entries = []
    for number, off in enumerate(chance.normal(0.0, spread, size)):
        middle = float(10 ** chance.uniform(-3, 3))
        prediction = said(name=f"p{number}", value=middle, low=middle * 2.718281828459045**-ends,
                          high=middle * 2.718281828459045**ends)  # fmt: skip
        entries.append(settled(prediction, middle * 2.718281828459045 ** float(off)))
    return PredictionLedger(entries=tuple(entries))
