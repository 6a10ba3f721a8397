"""Tables for spreadsheets and papers: CSV and LaTeX."""
