"""Erdil 2025 as published: its printed equations, its repository's code, the shapes and GPUs of both."""
