"""A trained model in others' formats, with the tokenizer of its text."""

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from optimoe.core.errors import InputError
from optimoe.models.convert.hf import fitting_family, save_hf
from optimoe.trainer.results.trained import TrainedRun

ExportFormat = Literal["hf"]
"""A folder that ``transformers`` loads, and most trainers and engines with it."""


@dataclass(frozen=True, kw_only=True)
class Export:
    """An exported model: what was written.

    Attributes:
        path: Where.
        to: The format.
        family: The family of ``transformers`` whose shape it has.
        max_context: Longest sequence that is stated: the architecture's, or else the run's.
        num_bytes: Of its files.
    """

    path: Path
    to: ExportFormat
    family: str
    max_context: int
    num_bytes: int


def export_hf(trained: TrainedRun, out: Path) -> Export:
    """Write a folder that ``AutoModelForCausalLM`` and ``AutoTokenizer`` of ``transformers`` load, in float32.

    The family is that of the run's architecture where it holds the trained model, and else the first one that
    does: a sigmoid router with balancing biases over grouped attention is ``glm4_moe``'s, whatever the shape was
    called.

    Args:
        trained: A run.
        out: A folder; nothing may be in it.

    Raises:
        InputError: It cannot be written, or something is there.
        ConfigError: No family holds the model.
    """
    _require_empty(out)
    family = fitting_family(trained.model, trained.run.architecture["model_type"])
    max_context = trained.model.arch.max_context or trained.run.seq_len
    with TemporaryDirectory() as beside:
        trained.tokenizer.save_pretrained(Path(beside))
        save_hf(trained.model, out, family, max_context, tokenizer_from=Path(beside))
    written = sum(file.stat().st_size for file in out.iterdir())
    return Export(path=out, to="hf", family=family, max_context=max_context, num_bytes=written)


def _require_empty(out: Path) -> None:
    if out.is_file() or (out.is_dir() and any(out.iterdir())):
        raise InputError(f"{out}: must be empty or not there yet")
