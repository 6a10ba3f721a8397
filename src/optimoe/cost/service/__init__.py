"""Serving: closed and open systems of requests, the search of a layout, fleets, curves."""
