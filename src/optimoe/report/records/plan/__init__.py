"""JSON of ``optimoe plan``."""
