"""The request of ``optimoe export``: a trained model, and the format of others that it is to have."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from cyclopts import Parameter


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class ExportRequest:
    """A trained model in a format of others."""

    run: Path = dataclasses.field(kw_only=False)
    """The folder of a run."""
    out: Path = dataclasses.field(kw_only=False)
    """Where to: for hf a folder that is empty or not there yet, for gguf a file that is not."""
    to: Literal["hf", "gguf"]
    """hf, a folder that transformers and most engines load, or gguf, a file that llama.cpp loads."""
    step: int = 0
    """Step of the checkpoint; 0 takes the newest whole one."""
