"""The requests of the command that puts an endpoint under load."""
