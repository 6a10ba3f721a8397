"""The answers of the command line over HTTP: a JSON API without state, and the page that asks it."""
