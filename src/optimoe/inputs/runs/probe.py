"""The request of ``optimoe hardware probe``: this machine as an accelerator's file."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cyclopts import Parameter

from optimoe.core.config import save_toml
from optimoe.core.errors import InputError, require, require_types
from optimoe.trainer.options import DeviceWord

if TYPE_CHECKING:
    from optimoe.trainer.probing.machine import Probe


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class ProbeRequest:
    """A machine to measure."""

    out: Path = Path("here.toml")
    """The accelerator's file, for --gpu and --gpus."""
    device: DeviceWord = "auto"
    """auto takes a GPU where there is one."""
    threads: int = 0
    """Of a CPU; 0 leaves PyTorch's choice."""
    operators: bool = True
    """Whether the operators of a CPU are measured too, of which predictions of small models are made: a quarter of
    a minute."""

    def __post_init__(self) -> None:
        require_types(self)
        require(self.threads >= 0, "threads", "zero or more", self.threads)
        require(self.out.suffix == ".toml", "out", "a file *.toml", self.out)

    def probe(self) -> "Probe":
        """Measure, and write the file.

        Raises:
            ConfigError: A GPU is asked for, and there is none.
            InputError: The file is there already, or cannot be written.
        """
        from optimoe.trainer.device import so_many_threads
        from optimoe.trainer.parallel.ranks import find_device
        from optimoe.trainer.probing.machine import probe_machine

        if self.out.exists():
            raise InputError(f"{self.out}: is there already")
        with so_many_threads(self.threads):
            found = probe_machine(find_device(self.device), self.operators)
        save_toml(self.out, found.accelerator)
        return found
