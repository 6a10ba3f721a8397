"""Checkpoints in files, a tensor at a time: shards and their index as ``transformers`` has them."""

import json
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from optimoe.arch.checkpoint.shards import INDEX, SHARDS, WEIGHTS, matching, read_headers
from optimoe.core.errors import InputError

CONFIG = "config.json"
CHECKPOINT = (CONFIG, WEIGHTS, INDEX, SHARDS)
"""Names of the files that are one checkpoint."""
VOCABULARIES = ("tokenizer.json", "tokenizer.model*", "vocab.*", "tekken.json", "*.tiktoken")
TOKENIZER = (
    *VOCABULARIES,
    *("tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "merges.txt"),
    *("chat_template*", "generation_config.json"),
)
"""Names of the files that are a tokenizer, and of what goes with it: a vocabulary is among them."""


@dataclass(frozen=True, kw_only=True)
class LazyTensor:
    """A tensor that is made, or read from its file, when it is asked for.

    Attributes:
        shape: Its shape.
        dtype: Its type.
        read: Makes it.
    """

    shape: torch.Size
    dtype: torch.dtype
    read: Callable[[], Tensor]

    @property
    def num_bytes(self) -> int:
        """What it takes in memory and in a file."""
        return self.shape.numel() * self.dtype.itemsize


def read_shards(folder: Path) -> dict[str, LazyTensor]:
    """The tensors of a checkpoint, none of which is read yet; a file stays open as long as one of its is held.

    Raises:
        InputError: As :func:`~optimoe.arch.checkpoint.shards.read_headers`, or a file cannot be opened.
    """
    tensors: dict[str, LazyTensor] = {}
    files: dict[str, safe_open] = {}
    for name, header in read_headers(folder).items():
        try:
            if header.file not in files:
                files[header.file] = safe_open(folder / header.file, framework="pt")
            read = partial(files[header.file].get_tensor, name)
            mapped = read()  # its bytes are read when they are used
        except (OSError, SafetensorError) as error:
            raise InputError(f"{folder / header.file}: cannot be read ({error})") from None
        tensors[name] = LazyTensor(shape=mapped.shape, dtype=mapped.dtype, read=read)
    return tensors


def write_shards(tensors: Mapping[str, LazyTensor], folder: Path, max_bytes: float) -> None:
    """Write tensors in their order, one file in memory at a time: several with an index, or one that holds all.

    Args:
        tensors: By name.
        folder: It is there.
        max_bytes: Most bytes of tensors in a file; a larger tensor has a file of its own.
    """
    shards: list[list[str]] = [[]]
    held = 0
    for name, tensor in tensors.items():
        if shards[-1] and held + tensor.num_bytes > max_bytes:
            shards.append([])
            held = 0
        shards[-1].append(name)
        held += tensor.num_bytes
    places: dict[str, str] = {}
    for number, names in enumerate(shards, start=1):
        file = WEIGHTS if len(shards) == 1 else f"model-{number:05d}-of-{len(shards):05d}.safetensors"
        save_file({name: tensors[name].read() for name in names}, folder / file, metadata={"format": "pt"})
        places |= dict.fromkeys(names, file)
    if len(shards) > 1:
        total = sum(tensor.num_bytes for tensor in tensors.values())
        index = {"metadata": {"total_size": total}, "weight_map": places}
        (folder / INDEX).write_text(json.dumps(index, indent=2) + "\n", encoding="utf-8")


def copy_tokenizer(source: Path, folder: Path) -> None:
    """Copy the files of a tokenizer, and of what goes with it, from one folder to another.

    Raises:
        InputError: There is no vocabulary.
    """
    if not matching(source, VOCABULARIES):
        raise InputError(f"{source}: must hold the files of a tokenizer ({', '.join(VOCABULARIES)}), has none")
    for name in matching(source, TOKENIZER):
        shutil.copyfile(source / name, folder / name)


@contextmanager
def replacing(folder: Path, patterns: Iterable[str]) -> Iterator[Path]:
    """A folder to write into, whose files then take the place of those of another that have such names.

    Either all do, or what fails leaves the other folder as it was.

    Raises:
        InputError: The place cannot be written.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        exists = folder.exists()
        with TemporaryDirectory(dir=folder if exists else folder.parent, prefix=f".{folder.name}.") as beside:
            new, old = Path(beside) / "new", Path(beside) / "old"
            new.mkdir()
            old.mkdir()
            yield new
            if exists:
                written = [path.name for path in new.iterdir()]
                gone = set(matching(folder, (*patterns, *written)))
                _move([*((folder / name, old) for name in gone), *((new / name, folder) for name in written)])
            else:
                new.replace(folder)
    except (OSError, SafetensorError) as error:
        raise InputError(f"{folder}: cannot be written ({error})") from None


def _move(steps: Iterable[tuple[Path, Path]]) -> None:
    """Move files, each into a folder: all of them, or none."""
    with ExitStack() as back:
        for path, place in steps:
            moved = path.replace(place / path.name)
            back.callback(moved.replace, path)
        back.pop_all()
