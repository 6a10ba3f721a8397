"""A file of another load generator, whichever wrote it."""

from collections.abc import Callable
from pathlib import Path

from optimoe.core.errors import ConfigError, InputError, shown
from optimoe.core.files.reading import Source
from optimoe.loadtest.foreign.aiperf import is_aiperf, read_aiperf
from optimoe.loadtest.foreign.bench import is_sglang, is_vllm, read_sglang, read_vllm
from optimoe.loadtest.foreign.guidellm import is_guidellm, read_guidellm
from optimoe.loadtest.foreign.level import ForeignLevel
from optimoe.loadtest.foreign.sheet import read_sheet
from optimoe.loadtest.foreign.tables import Table, read_tables

TOOLS: tuple[tuple[Callable[[Table], bool], Callable[[str, Table], tuple[ForeignLevel, ...]]], ...] = (
    (is_sglang, lambda where, table: (read_sglang(where, table),)),
    (is_vllm, lambda where, table: (read_vllm(where, table),)),
    (is_aiperf, lambda where, table: (read_aiperf(where, table),)),
    (is_guidellm, read_guidellm),
)
"""How the table of each tool is known, and read."""


def read_levels(path: Path) -> tuple[ForeignLevel, ...]:
    """The levels of load of a file: JSON, JSON lines or a delimited table.

    Raises:
        InputError: It holds none.
        ConfigError: It cannot be read, no tool is known that writes such a file, or a value in it is of no use.
    """
    source = Source.open(path)
    tables = read_tables(source)
    levels = (
        [level for where, table in tables for level in _levels(where, table)] if tables else read_sheet(source)
    )
    if not levels:
        raise InputError(f"{path}: holds no levels of load")
    return tuple(levels)


def _levels(where: str, table: Table) -> tuple[ForeignLevel, ...]:
    for is_of, read in TOOLS:
        if is_of(table):
            return read(where, table)
    tools = "vllm bench serve, SGLang's bench_serving, aiperf or guidellm"
    keys = ", ".join(list(table)[:6]) or "nothing"
    raise ConfigError(f"{where}: must be a result of {tools}, got a table of {shown(keys)}")
