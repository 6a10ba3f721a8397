"""The law library: published laws by name, classes of laws, and the law files of users."""

from optimoe.laws.catalog.classes import FAMILIES, load_family
from optimoe.laws.catalog.files import law_file_text, read_law_file, save_law
from optimoe.laws.catalog.library import (
    family_words,
    find_family,
    find_law,
    find_loss_law,
    find_published_law,
    law_names,
    published_checks,
    published_rows,
)

__all__ = [
    "FAMILIES",
    "family_words",
    "find_family",
    "find_law",
    "find_loss_law",
    "find_published_law",
    "law_file_text",
    "law_names",
    "load_family",
    "published_checks",
    "published_rows",
    "read_law_file",
    "save_law",
]
