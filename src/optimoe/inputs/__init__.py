"""What people state, from flags, JSON or TOML: one frozen dataclass a request."""
