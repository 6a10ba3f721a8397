"""Law files: one ``[[law]]`` in a TOML file, written by a fit or by hand, with all that the fit knows."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from optimoe.core.config import build, load_table, stated_table, to_toml
from optimoe.core.errors import ConfigError
from optimoe.core.files import write_text
from optimoe.core.files.reading import Source
from optimoe.core.files.shut import require_files_open
from optimoe.core.plugins import absolute_reference, is_file_reference, relative_reference
from optimoe.laws.catalog.classes import class_of
from optimoe.laws.catalog.limits import require_possible
from optimoe.laws.law import Law, LawRow

LIBRARY_WORDS = ("verified", "transcribed")
"""What the library says of papers that it has checked: a file with such a word, as a copy of a published row has,
is lowered to ``fitted``, because nobody has checked the file."""


def read_law_file(file: Path | Source) -> tuple[LawRow, type[Law]]:
    """The row of a law file, and the class that evaluates it, which may stand in a Python file beside it.

    Its status is at most ``fitted``.

    Args:
        file: Its path, or what it holds.

    Raises:
        UnknownNameError: A family, a verdict or a key that is not known.
        ConfigError: The file does not describe one law, its class is not there, or no such law can be.
    """
    path = file.path if isinstance(file, Source) else file
    rows = load_table(file).get("law", [])
    if not isinstance(rows, list) or len(rows) != 1 or not isinstance(rows[0], dict):
        raise ConfigError(f"{path}: must hold exactly one [[law]]")
    row = build(LawRow, _beside(rows[0], path), where=f"law {path}")
    if row.status in LIBRARY_WORDS:
        row = replace(row, status="fitted")
    law_class = class_of(row.family, str(path))
    require_possible(row, law_class, f"law {path}")
    return row, law_class


def _beside(row: dict[str, Any], path: Path) -> dict[str, Any]:
    """The row with its class, if that is in a Python file, as seen from here and not from the law file.

    Raises:
        ConfigError: The Python file is gone.
        InputError: Files are shut.
    """
    family = str(row.get("family", ""))
    if not is_file_reference(family):
        return row
    require_files_open(family)
    reference = absolute_reference(family, path.parent)
    if not Path(reference.rpartition(":")[0]).is_file():
        raise ConfigError(
            f"law {path}: family {family}: the Python file is gone ({reference.rpartition(':')[0]}); "
            f"the law needs it to be evaluated"
        )
    return row | {"family": reference}


def save_law(row: LawRow, path: Path) -> None:
    """Write a law file, which ``--law FILE.toml`` and ``find_law`` take; it reads back to the bit.

    A class in a Python file is named by its path as seen from the law file: move the two together.

    Raises:
        InputError: The place cannot be written.
    """
    if is_file_reference(row.family):
        row = replace(row, family=relative_reference(row.family, path.parent))
    write_text(path, law_file_text(row))


def law_file_text(row: LawRow) -> str:
    """What a law file holds, its class named as the row names it."""
    return to_toml({"law": [stated_table(row)]})
