"""Tables of several corpora: each with its own columns and rows, told apart by file or by a column."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from optimoe.core.errors import UnknownNameError, require
from optimoe.core.formulas import evaluate, named
from optimoe.laws.runs.load import load_observations
from optimoe.laws.runs.observations import Observations
from optimoe.laws.runs.tables.cells import as_text
from optimoe.laws.runs.tables.files import file_stems, read_tables

BY_FILE = "file"
"""Every table is a corpus."""
FOR_ALL = ""
"""What is stated for no corpus in particular holds for all."""
MOST_GROUPS = 50
"""More values of a column than this are no corpora."""


def load_groups(
    paths: Sequence[Path],
    by: str,
    *,
    columns: Mapping[str, Mapping[str, str]],
    where: Mapping[str, str],
    **how: Any,
) -> dict[str, Observations]:
    """The runs of each corpus, by its name; one tokenizer and data set must hold within a corpus, not across.

    Args:
        paths: Files or folders.
        by: ``file`` (a corpus is called by the file's stem), or a column that tells corpora apart.
        columns: By corpus, symbol to column or formula; those of ``""`` hold for all, and its own go before them.
        where: By corpus, rows to take, likewise; both conditions hold.
        how: Further arguments of :func:`load_observations`.

    Raises:
        UnknownNameError: Something is stated of a corpus that there is not, or there is no such column.
        ConfigError: A table cannot be used.
    """
    if by == BY_FILE:
        sources = {name: ([path], "") for name, path in zip(file_stems(paths), paths, strict=True)}
    else:
        table = read_tables(paths)
        cells = named(table, by)
        if where.get(FOR_ALL):  # corpora of which no row is taken are none
            cells = cells[np.broadcast_to(np.asarray(evaluate(where[FOR_ALL], table), dtype=bool), cells.shape)]
        kinds = sorted(set(as_text(cells)))
        require(len(kinds) <= MOST_GROUPS, f"group: values of {by}", f"at most {MOST_GROUPS}", len(kinds))
        is_text = cells.dtype == object
        sources = {kind: (list(paths), f"{by} == {kind!r}" if is_text else f"{by} == {kind}") for kind in kinds}
    for name in {*columns, *where} - {FOR_ALL}:
        if name not in sources:
            raise UnknownNameError("group", name, sources)
    return {
        name: load_observations(
            group_paths,
            {**columns.get(FOR_ALL, {}), **columns.get(name, {})} or None,
            where=_both(where.get(FOR_ALL, ""), where.get(name, ""), condition),
            **how,
        )
        for name, (group_paths, condition) in sources.items()
    }


def _both(*conditions: str) -> str:
    stated = [condition for condition in conditions if condition]
    return stated[0] if len(stated) == 1 else " and ".join(f"({condition})" for condition in stated)
