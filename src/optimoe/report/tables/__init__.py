"""Tables for people, spreadsheets and papers: figures of texts, CSV and LaTeX."""
