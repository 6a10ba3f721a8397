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

from optimoe.core.config import load_json
from optimoe.core.errors import ConfigError, InputError, require

CONFIG, WEIGHTS, INDEX = "config.json", "model.safetensors", "model.safetensors.index.json"
SHARDS = "model-*-of-*.safetensors"
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
    """The tensors of a checkpoint, none of which is read yet.

    ``model.safetensors`` where there is one, else the files of the index, else all ``.safetensors`` files.

    Raises:
        InputError: There are no weights, a file is missing, cut off or left over, a tensor stands in two files, or
            not where the index says.
    """
    index = folder / INDEX
    places: dict[str, str] = {}
    if (folder / WEIGHTS).exists():
        files = [WEIGHTS]
    elif index.exists():
        places = _read_index(index)
        files = sorted(set(places.values()))
    else:
        files = _matching(folder, ("*.safetensors",))
    if not files:
        raise InputError(f"{folder}: must hold .safetensors files, has none")
    if absent := [name for name in files if not (folder / name).exists()]:
        raise InputError(f"{index}: lists {some_of(absent)}, missing in the folder")
    if others := set(_matching(folder, (SHARDS,))) - set(files):
        raise InputError(f"{folder}: {some_of(others)} unexpected beside {index.name if places else WEIGHTS}")
    tensors: dict[str, LazyTensor] = {}
    found: dict[str, str] = {}
    for file in files:
        for name, tensor in _opened(folder / file):
            if name in found:
                raise InputError(f"{folder / file}: {name} stands in {found[name]} too")
            tensors[name], found[name] = tensor, file
    if wrong := [name for name, file in places.items() if found.get(name) != file]:
        raise InputError(f"{folder / places[min(wrong)]}: {some_of(wrong)} missing, which the index places there")
    return tensors


def _opened(file: Path) -> Iterator[tuple[str, LazyTensor]]:
    """Every tensor of a file, which stays open as long as one of them is held."""
    try:
        opened = safe_open(file, framework="pt")
        for name in opened.keys():  # type: ignore[no-untyped-call]  # noqa: SIM118 (it is no mapping)
            read = partial(opened.get_tensor, name)
            mapped = read()  # its bytes are read when they are used
            yield name, LazyTensor(shape=mapped.shape, dtype=mapped.dtype, read=read)
    except (OSError, SafetensorError) as error:
        raise InputError(f"{file}: cannot be read ({error})") from None


def _read_index(index: Path) -> dict[str, str]:
    """The file of every tensor, as the index says."""
    places = load_json(index).get("weight_map")
    if not isinstance(places, dict) or not places:
        raise ConfigError(f"{index}: weight_map must be an object of file names by tensor")
    for file in places.values():
        plain = isinstance(file, str) and file == Path(file).name
        require(plain, f"{index}: weight_map", "of names of files beside it", repr(file))
    return places


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
    if not _matching(source, VOCABULARIES):
        raise InputError(f"{source}: must hold the files of a tokenizer ({', '.join(VOCABULARIES)}), has none")
    for name in _matching(source, TOKENIZER):
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
                gone = set(_matching(folder, (*patterns, *written)))
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


def _matching(folder: Path, patterns: Iterable[str]) -> list[str]:
    """Names of the files of a folder that have one of these forms, in order."""
    return sorted({path.name for pattern in patterns for path in folder.glob(pattern) if path.is_file()})


def some_of(names: Iterable[str]) -> str:
    """The first names of many."""
    known = sorted(names)
    return ", ".join(known[:3]) + (f" and {len(known) - 3} more" if len(known) > 3 else "")
