"""Which files are one checkpoint, as ``transformers`` has them, and the tensors that their headers state."""

from collections.abc import Iterable
from pathlib import Path

from optimoe.arch.checkpoint.headers import StoredTensor, read_header
from optimoe.core.config import load_json
from optimoe.core.errors import ConfigError, InputError, require

WEIGHTS, INDEX = "model.safetensors", "model.safetensors.index.json"
SHARDS = "model-*-of-*.safetensors"
ANY_WEIGHTS = "*.safetensors"


def read_headers(folder: Path) -> dict[str, StoredTensor]:
    """The tensors of a checkpoint by name, in the order of its files; their headers alone are read.

    ``model.safetensors`` where there is one, else the files of the index, else all ``.safetensors`` files.

    Raises:
        InputError: There are no weights, a file is missing, broken, cut off or left over, a tensor stands in two
            files, or not where the index says.
    """
    index = folder / INDEX
    places: dict[str, str] = {}
    if (folder / WEIGHTS).exists():
        files = [WEIGHTS]
    elif index.exists():
        places = _read_index(index)
        files = sorted(set(places.values()))
    else:
        files = matching(folder, (ANY_WEIGHTS,))
    if not files:
        raise InputError(f"{folder}: must hold .safetensors files, has none")
    if absent := [name for name in files if not (folder / name).exists()]:
        raise InputError(f"{index}: lists {some_of(absent)}, missing in the folder")
    if others := set(matching(folder, (SHARDS,))) - set(files):
        raise InputError(f"{folder}: {some_of(others)} unexpected beside {index.name if places else WEIGHTS}")
    tensors: dict[str, StoredTensor] = {}
    for file in files:
        for tensor in read_header(folder / file):
            if tensor.name in tensors:
                raise InputError(f"{folder / file}: {tensor.name} stands in {tensors[tensor.name].file} too")
            tensors[tensor.name] = tensor
    if wrong := [name for name, file in places.items() if name not in tensors or tensors[name].file != file]:
        raise InputError(f"{folder / places[min(wrong)]}: {some_of(wrong)} missing, which the index places there")
    return tensors


def _read_index(index: Path) -> dict[str, str]:
    """The file of every tensor, as the index says."""
    places = load_json(index).get("weight_map")
    if not isinstance(places, dict) or not places:
        raise ConfigError(f"{index}: weight_map must be an object of file names by tensor")
    for file in places.values():
        plain = isinstance(file, str) and file == Path(file).name
        require(plain, f"{index}: weight_map", "of names of files beside it", repr(file))
    return places


def matching(folder: Path, patterns: Iterable[str]) -> list[str]:
    """Names of the files of a folder that have one of these forms, in order."""
    return sorted({path.name for pattern in patterns for path in folder.glob(pattern) if path.is_file()})


def some_of(names: Iterable[str]) -> str:
    """The first names of many."""
    known = sorted(names)
    return ", ".join(known[:3]) + (f" and {len(known) - 3} more" if len(known) > 3 else "")
