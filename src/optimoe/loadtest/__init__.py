"""Load on an OpenAI-compatible endpoint, and what it answers, timed; needs nothing of the package but ``core``."""
