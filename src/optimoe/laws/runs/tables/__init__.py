"""Tables as columns: files, frames and exports of trackers, cells as numbers or text, formulas over columns."""
