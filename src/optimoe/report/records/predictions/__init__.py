"""JSON of ``optimoe predictions``."""
