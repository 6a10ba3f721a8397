"""What a family's function needs beyond the parts that an architecture states."""
