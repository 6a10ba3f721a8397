"""A ledger of predictions as a table, and its score in words."""

from math import exp, isnan

from optimoe.core.predictions import BandScore, LedgerScore, PredictionLedger
from optimoe.report.words.lines import Blocks, Lines, Table, labelled
from optimoe.report.words.predictions.entries import band_words, number_words

DAY = len("2026-01-31")


def ledger_blocks(ledger: PredictionLedger, score: LedgerScore) -> Blocks:
    """Every prediction in a row, then how well they did."""
    return [ledger_table(ledger), score_lines(score) + labelled("Careful", ledger.remarks)]


def ledger_table(ledger: PredictionLedger) -> Table:
    """Each prediction with its band and its outcome."""
    rows = [("Prediction", "Says", "Band (level)", "Came", "Ratio", "", "Entered", "Settled by")]
    for entry in ledger.entries:
        said, came = entry.prediction, entry.outcome
        rows.append(
            (
                said.name,
                number_words(said.value, said.unit),
                band_words(said),
                number_words(came.value, said.unit) if came else "open",
                "" if isnan(entry.ratio) else f"{entry.ratio:.3g}",
                entry.place,
                said.entered_utc[:DAY],
                came.source if came else said.settled_by,
            )
        )
    return Table(title="", rows=rows, spare=("Entered", "Settled by"), words=("Settled by",))


def score_lines(score: LedgerScore) -> Lines:
    """How well the predictions did."""
    of = f"{score.predictions} prediction{'s' if score.predictions != 1 else ''}"
    lines = [("Score", f"{of}: {score.open} open, {score.settled} settled")]
    lines += labelled("Bands", [band_score_words(band) for band in score.bands])
    if score.below or score.above:
        lines.append(("", f"of the outcomes outside {score.below} lie below the band, {score.above} above"))
    if not isnan(score.abs_ln_ratio):
        off = f"|ln ratio| {score.abs_ln_ratio:.3g} in the median, a factor of {exp(score.abs_ln_ratio):.3g}"
        lines.append(("Error", f"{off}; outcomes are {score.ratio:.3g} of what was predicted in the median"))
    if not isnan(score.sharpness):
        wide = f"bands reach over a factor of {exp(score.sharpness):.3g} in the median"
        paid = (
            ""
            if isnan(score.interval_score)
            else f"; interval score {score.interval_score:.3g} (ln; less is better)"
        )
        lines.append(("Sharpness", f"{wide}{paid}"))
    return lines


def band_score_words(band: BandScore) -> str:
    """How often bands of a level held, and whether that is what they state."""
    held = (
        f"{band.inside} of {band.settled} hold their outcome, {band.share:.0%} ({band.low:.0%} – {band.high:.0%})"
    )
    return f"stated {band.level:.4g}: {held}: {band.verdict}"
