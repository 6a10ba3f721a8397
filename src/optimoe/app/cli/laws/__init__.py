"""Commands of the law library."""
