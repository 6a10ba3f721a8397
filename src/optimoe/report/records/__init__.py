"""The JSON of every command: one frozen dataclass an object, built from results, with a schema made from it."""
