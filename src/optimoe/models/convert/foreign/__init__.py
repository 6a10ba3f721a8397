"""Models of others as their own code builds them, without storage."""
