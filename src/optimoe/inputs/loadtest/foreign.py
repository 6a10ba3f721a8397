"""Results of other load generators, and what is stated beside them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from optimoe.core.latency import LatencyRecord

FLAGS = {
    "num_gpus": "--tp (and --pp, --dp, --ep)",
    "measured_utc": "--date",
}
"""How what files may lack is stated, where that is not the option of its name."""


def foreign_records(files: Sequence[Path], stated: Mapping[str, Any]) -> "tuple[LatencyRecord, ...]":
    """The levels of files as latency records.

    Args:
        files: Of other load generators.
        stated: Fields of records, of all levels alike; they win over what files tell.

    Raises:
        InputError: Something that a record needs is neither told nor stated; names all of it.
        ConfigError: A file cannot be read, or a value in it cannot be.
    """
    from optimoe.loadtest.foreign.level import NEEDED, latency_records
    from optimoe.loadtest.foreign.read import read_levels

    flags = {name: f"--{name.replace('_', '-')}" for name in NEEDED} | FLAGS
    levels = [level for path in files for level in read_levels(path)]
    return latency_records(levels, stated, flags)
