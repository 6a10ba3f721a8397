"""Load: what is asked, when, and in which part of a level."""
