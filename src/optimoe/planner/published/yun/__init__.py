"""Yun et al. 2024 (arXiv 2404.02852): its designs, searches, claims and figures under laws that are published."""
