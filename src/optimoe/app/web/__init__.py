"""The answers of the command line over HTTP: a JSON API without state."""
