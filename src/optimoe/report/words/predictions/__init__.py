"""Words of ``optimoe predictions``."""
