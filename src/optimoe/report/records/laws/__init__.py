"""JSON of ``optimoe laws``."""
