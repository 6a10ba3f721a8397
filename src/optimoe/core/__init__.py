"""What every package shares: units, errors, provenance, records and configuration files."""
