"""Li et al. 2026: synthetic runs on its grid, and its figures from any runs with r."""
