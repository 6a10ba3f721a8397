"""Measured kernels where they lie: the shared tables of H100 and A100, and those of aiconfigurator-core.

Single operators alone. Whatever else that package holds (its samples of whole deployments above all) is never
read: those are what the serving model is tested on. Needs pyarrow (a development dependency).
"""

import os
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow.parquet as parquet

from optimoe.core.errors import InputError
from optimoe.cost.hardware.accelerator import Accelerator, find_accelerator
from optimoe.cost.kernels.measured.tables import tables_root

ROWS = dict[str, np.ndarray]

GPUS = {
    "h100-sxm": "h100_sxm",
    "h200-sxm": "h200_sxm",
    "a100-sxm": "a100_sxm",
    "l40s": "l40s",
    "b200-sxm": "b200_sxm",
    "b300-sxm": "b300_sxm",
    "gb200": "gb200",
    "gb300": "gb300",
    "rtx-pro-6000": "rtx_pro_6000_server",
    "b60": "b60",
}
"""Accelerators that were measured, and the folders of their tables."""

ENGINES = ("vllm", "sglang", "trtllm")
NO_ENGINE = ""
"""Of what no engine brings: NCCL's collectives."""

SHARED = {"h100-sxm": {"vllm": "0.19.0", NO_ENGINE: "2.27.3"}, "a100-sxm": {"vllm": "0.14.0", NO_ENGINE: "2.27.3"}}
"""Versions of the shared tables, kernels_h100_a100 under OPTIMOE_DATA."""


@dataclass(frozen=True, kw_only=True, order=True)
class Source:
    """Where a kernel was measured: a GPU, and the engine whose kernel it was.

    Attributes:
        gpu: Name of the accelerator.
        engine: vllm, sglang, trtllm, or none.
        version: That of the engine, or of NCCL.
    """

    gpu: str
    engine: str
    version: str

    @property
    def accelerator(self) -> Accelerator:
        """The GPU's data sheet."""
        return find_accelerator(self.gpu)

    @property
    def architecture(self) -> str:
        """The GPU's generation."""
        return self.accelerator.architecture

    def __str__(self) -> str:
        return " ".join(one for one in (self.gpu, self.engine or "nccl", self.version) if one)


def tables(folder: str, name: str) -> dict[Source, ROWS]:
    """The newest table of each GPU and engine, the shared ones beside them; ``t`` in seconds.

    Args:
        folder: Kind of operators, as the package sorts them.
        name: The table, without its suffix.
    """
    found: dict[Source, ROWS] = {}
    for gpu, system in GPUS.items():
        for engine in (*ENGINES, NO_ENGINE):
            for version, path in _paths(gpu, system, engine, folder, name):
                found[Source(gpu=gpu, engine=engine, version=version)] = read(path)
    return found


def installed() -> Path | None:
    """The folder of the package's tables; none where it is not installed."""
    try:
        return tables_root()
    except InputError:
        return None


@cache
def read(path: Path) -> ROWS:
    """One table, its columns as arrays."""
    columns = parquet.read_table(path)
    rows = {name: columns[name].to_numpy(zero_copy_only=False) for name in columns.column_names}
    text = {name: values.astype(str) for name, values in rows.items() if values.dtype == object}
    return rows | text | ({"t": rows["latency"] * 1e-3} if "latency" in rows else {})


def where(rows: ROWS, keep: np.ndarray) -> ROWS:
    """Some of the rows."""
    return {name: column[keep] for name, column in rows.items()}


def _paths(gpu: str, system: str, engine: str, folder: str, name: str) -> list[tuple[str, Path]]:
    own = engine or "nccl"
    found: list[tuple[str, Path]] = []
    root = installed()
    if root is not None:
        paths = sorted((root / system / folder / own).glob(f"*/{name}.parquet"), key=_version)
        found += [(path.parent.name, path) for path in paths[-1:]]
    version = SHARED.get(gpu, {}).get(engine)
    if version and not any(one == version for one, _ in found):
        shared = Path(os.environ["OPTIMOE_DATA"]) / "kernels_h100_a100"
        found += [(version, path) for path in shared.glob(f"{system}__{own}_{version}__{name}.parquet")]
    return found


def _version(path: Path) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", path.parent.name))
