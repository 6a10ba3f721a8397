"""Serving: what one step takes and holds, and systems of requests, closed and open, made of steps."""
