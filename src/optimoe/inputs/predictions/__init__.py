"""The requests of ``optimoe predictions``: what is predicted, and what came of it."""
