"""``optimoe plan``."""
