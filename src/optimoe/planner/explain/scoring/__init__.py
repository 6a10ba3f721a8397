"""Designs of one's own beside a plan: how they stand, why, and what would bring most."""
