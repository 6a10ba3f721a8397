"""A ledger in words: a row a prediction, and the score."""

from optimoe.core.predictions import LedgerEntry, PredictionLedger, score_ledger
from optimoe.report.words.layout import blocks_text
from optimoe.report.words.predictions.score import ledger_blocks, ledger_table
from tests.core.predictions.cases import said, settled

LEDGER = PredictionLedger(
    entries=(settled(said(), 0.006), settled(said(name="far"), 0.02), LedgerEntry(prediction=said(name="open"))),
    remarks=("predictions.jsonl:7: a second outcome of far does not count",),
)


def test_every_prediction_has_a_row_and_the_open_ones_say_so():
    rows = ledger_table(LEDGER).rows
    assert rows[1][:6] == ("tpot", "8.00 ms", "5.00 ms – 10.0 ms (0.9)", "6.00 ms", "0.75", "inside")
    assert rows[2][3:] == ("20.0 ms", "2.5", "above", "2026-01-02", "bench")
    assert rows[3][3:] == ("open", "", "", "2026-01-02", "bench latency")


def test_the_score_says_open_coverage_against_what_is_stated_error_and_sharpness():
    text = "\n".join(blocks_text(ledger_blocks(LEDGER, score_ledger(LEDGER))))
    assert "3 predictions: 1 open, 2 settled" in text
    assert "stated 0.9: 1 of 2 hold their outcome, 50% (1% – 99%): as stated" in text
    assert "of the outcomes outside 0 lie below the band, 1 above" in text
    assert "|ln ratio| 0.602 in the median, a factor of 1.83" in text
    assert "over a factor of 2 in the median; interval score 7.62" in text
    assert "Careful" in text and LEDGER.remarks[0] in text


def test_an_open_ledger_claims_no_error():
    ledger = PredictionLedger(entries=(LedgerEntry(prediction=said()),))
    text = "\n".join(blocks_text(ledger_blocks(ledger, score_ledger(ledger))))
    assert "1 prediction: 1 open, 0 settled" in text
    assert "Error" not in text
    assert "interval score" not in text


def test_a_narrow_screen_keeps_numbers_and_leaves_dates_out():
    rows = blocks_text(ledger_blocks(LEDGER, score_ledger(LEDGER)), 80)
    assert max(map(len, rows)) <= 80
    assert "Says" in rows[0]
    assert "Entered" not in rows[0]
