"""The measured tables that the package ``aiconfigurator-core`` installs, read where they lie."""

import importlib
import importlib.util
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from optimoe.core.errors import InputError, UnknownNameError
from optimoe.cost.hardware.accelerator import Accelerator, accelerator_key

PACKAGE = "aiconfigurator_core"
FOLDERS = {
    "gemm": "gemm",
    "context_attention": "attention",
    "generation_attention": "attention",
    "moe": "moe",
    "custom_allreduce": "comm",
}
"""Folder of each table. Only these five operators are read of what the package installs."""

Table = dict[str, np.ndarray]


def tables_root() -> Path:
    """The folder with one folder of tables for each GPU.

    Raises:
        InputError: The extra ``silicon`` is not installed.
    """
    found = importlib.util.find_spec(PACKAGE)
    if found is None or not found.submodule_search_locations or importlib.util.find_spec("pyarrow") is None:
        raise InputError("kernels: silicon needs aiconfigurator-core (pip install 'optimoe[silicon]')")
    return Path(found.submodule_search_locations[0]) / "systems" / "data"


def find_system(root: Path, gpu: str) -> str:
    """The folder of an accelerator.

    Raises:
        UnknownNameError: It was not measured; lists the nearest.
    """
    known = {accelerator_key(path.name): path.name for path in root.iterdir() if path.is_dir()}
    if gpu not in known:
        raise UnknownNameError("kernels: silicon has no tables of gpu", gpu, known)
    return known[gpu]


@dataclass(frozen=True, eq=False)
class Tables:
    """The tables of one accelerator and engine; equal where their place and the figures of the GPU are.

    Attributes:
        root: Folder of the tables.
        engine: vllm, sglang or trtllm.
        gpu: The accelerator.
    """

    root: Path
    engine: str
    gpu: Accelerator

    def rows(self, name: str) -> Table | None:
        """One table of the newest version that has it, with ``t`` in seconds; none where there is none.

        Raises:
            UnknownNameError: The accelerator was not measured.
        """
        return _read(self.root / find_system(self.root, self.gpu.name) / FOLDERS[name] / self.engine, name)

    def _key(self) -> tuple[object, ...]:
        figures = self.gpu.memory_bytes_per_s, self.gpu.intra_node_bytes_per_s, self.gpu.architecture
        return self.root, self.engine, self.gpu.name, figures, tuple(sorted(self.gpu.peak_flops_per_s.items()))

    def __hash__(self) -> int:
        return hash(self._key())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Tables) and self._key() == other._key()


@cache
def _read(folder: Path, name: str) -> Table | None:
    parquet: Any = importlib.import_module("pyarrow.parquet")
    paths = list(folder.glob(f"*/{name}_perf.parquet"))
    if not paths:
        return None
    columns = parquet.read_table(max(paths, key=lambda path: _version(path.parent.name)))
    rows = {column: np.array(columns[column].to_pylist()) for column in columns.column_names}
    return rows | {"t": 1e-3 * rows["latency"].astype(float)}


def where(table: Table | None, **equal: object) -> Table | None:
    """Rows whose columns equal the given values; none where there are none, or no such column."""
    if table is None or any(column not in table for column in equal):
        return None
    keep = np.ones(len(table["t"]), dtype=bool)
    for column, value in equal.items():
        keep &= table[column] == value
    return {column: values[keep] for column, values in table.items()} if keep.any() else None


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", text))
