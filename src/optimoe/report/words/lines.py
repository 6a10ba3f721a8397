"""What every page of words is made of, light, because every command prints it."""

from collections.abc import Sequence

Lines = list[tuple[str, str]]
"""Label and text; an empty label continues the one above."""


def labelled(label: str, texts: Sequence[str]) -> Lines:
    """Texts under one label."""
    return [(label if i == 0 else "", text) for i, text in enumerate(texts)]
