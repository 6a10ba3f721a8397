"""A trained model in others' formats, with the tokenizer of its text."""

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from optimoe.core.errors import InputError
from optimoe.models.convert.gguf.file import save_gguf
from optimoe.models.convert.hf import fitting_family, save_hf
from optimoe.trainer.results.trained import TrainedRun

ExportFormat = Literal["hf", "gguf"]
"""A folder that ``transformers`` loads, and most trainers and engines with it; or a file that llama.cpp loads."""


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


def export(trained: TrainedRun, to: ExportFormat, out: Path) -> Export:
    """Write a trained model in float32, with the tokenizer of its text.

    The family is that of the run's architecture where it holds the trained model, and else the first one that
    does: a sigmoid router with balancing biases over grouped attention is ``glm4_moe``'s, whatever the shape was
    called.

    Args:
        trained: A run.
        to: ``hf``, a folder that ``AutoModelForCausalLM`` and ``AutoTokenizer`` of ``transformers`` load, or
            ``gguf``, a file that llama.cpp loads.
        out: A folder that is empty or not there yet, or a file that is not there.

    Raises:
        InputError: It cannot be written, or something is there; or the package gguf is not installed.
        ConfigError: No family holds the model, or llama.cpp would compute something else.
    """
    if out.is_file() or (out.is_dir() and (to == "gguf" or any(out.iterdir()))):
        raise InputError(f"{out}: must be {'a file that is' if to == 'gguf' else 'empty or'} not there yet")
    family = fitting_family(trained.model, trained.run.architecture["model_type"])
    max_context = trained.model.arch.max_context or trained.run.seq_len
    {"hf": _export_hf, "gguf": _export_gguf}[to](trained, out, family, max_context)
    files = out.iterdir() if out.is_dir() else [out]
    written = sum(file.stat().st_size for file in files)
    return Export(path=out, to=to, family=family, max_context=max_context, num_bytes=written)


def _export_hf(trained: TrainedRun, out: Path, family: str, max_context: int) -> None:
    with TemporaryDirectory() as beside:
        trained.tokenizer.save_pretrained(Path(beside))
        save_hf(trained.model, out, family, max_context, tokenizer_from=Path(beside))


def _export_gguf(trained: TrainedRun, out: Path, family: str, max_context: int) -> None:
    save_gguf(
        trained.model,
        out,
        family,
        trained.tokenizer.content,
        trained.tokenizer.end_of_text,
        name=trained.run.name,
        max_positions=max_context,
    )
