"""Text as tokens on disk: made once, read by position, the held-out part fixed by the text itself."""
