"""Where text is from: files and folders, what every machine has by name, and Hugging Face data sets."""

import hashlib
import pydoc_data
import sysconfig
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

from optimoe.core.errors import InputError
from optimoe.trainer.corpus.text import Skipped, documents, pieces, text_files

HUB = "hf:"
"""What a data set of the Hugging Face hub begins with: ``hf:NAME`` or ``hf:NAME:CONFIG``."""

COLUMN = "text"
"""The column of a data set that is read."""

NOT_STDLIB = frozenset(("site-packages", "dist-packages", "test", "tests", "idle_test", "__pycache__"))
"""Folders of the standard library that are no part of it, or test it."""


class TextSource(Protocol):
    """Text that comes as documents, one after another."""

    @property
    def name(self) -> str:
        """The words by which it is asked for."""
        ...

    def documents(self, skipped: Skipped) -> Iterator[str]:
        """The documents in their order; what cannot be read is counted."""
        ...

    def fingerprint(self) -> str:
        """A text that is another one where the documents may be others."""
        ...


@dataclass(frozen=True, kw_only=True)
class FileSource:
    """Files of text, each a document or lines of them; see :class:`TextSource`.

    Attributes:
        name: As it is called.
        files: In their order.
    """

    name: str
    files: tuple[Path, ...]

    def documents(self, skipped: Skipped) -> Iterator[str]:
        """The documents of each file; what is no UTF-8 text is skipped and counted."""
        return documents(self.files, skipped)

    def fingerprint(self) -> str:
        """Names, sizes and dates of the files.

        Raises:
            InputError: A file is gone.
        """
        digest = hashlib.sha256()
        for file in self.files:
            try:
                found = file.stat()
            except OSError as error:
                raise InputError(f"{file}: cannot be read ({error.strerror})") from None
            digest.update(f"{file}\0{found.st_size}\0{found.st_mtime_ns}\n".encode(errors="replace"))
        return digest.hexdigest()


class TopicsSource(FileSource):
    """Python's language reference, as ``help()`` shows it: a document for each topic; see :class:`TextSource`."""

    def documents(self, skipped: Skipped) -> Iterator[str]:
        """The topics, in the order of their names."""
        topics: Mapping[str, str] = import_module("pydoc_data.topics").topics
        return (topics[name] for name in sorted(topics))


@dataclass(frozen=True, kw_only=True)
class HubSource:
    """A data set of the Hugging Face hub, its split ``train`` read row by row; see :class:`TextSource`.

    Attributes:
        name: ``hf:NAME`` or ``hf:NAME:CONFIG``.
    """

    name: str

    def documents(self, skipped: Skipped) -> Iterator[str]:
        """The column ``text`` of each row.

        Raises:
            InputError: The library ``datasets`` is not installed, or the data set cannot be read.
        """
        try:
            library: Any = import_module("datasets")
        except ImportError:
            raise InputError(f"{self.name}: needs the library datasets (pip install datasets)") from None
        path, _, config = self.name.removeprefix(HUB).partition(":")
        try:
            for number, row in enumerate(
                library.load_dataset(path, config or None, split="train", streaming=True)
            ):
                if isinstance(row.get(COLUMN), str):
                    yield from pieces(row[COLUMN])
                else:
                    skipped.add(f"no column {COLUMN}", f"{self.name}, row {number}")
        except (OSError, ValueError) as error:
            raise InputError(f"{self.name}: cannot be read ({error})") from None

    def fingerprint(self) -> str:
        """The name alone: what the hub holds under it is taken to stay."""
        return self.name


def _stdlib() -> TextSource:
    """Python's own modules, without tests and what is installed beside them."""
    folder = Path(sysconfig.get_path("stdlib"))
    found = (path.relative_to(folder) for path in folder.rglob("*.py"))
    files = sorted(folder / path for path in found if NOT_STDLIB.isdisjoint(path.parts))
    return FileSource(name="python-stdlib", files=tuple(files))


def _torch(name: str, pattern: str) -> TextSource:
    """Files of the installed PyTorch.

    Raises:
        InputError: It is not installed.
    """
    spec = find_spec("torch")
    if spec is None or not spec.submodule_search_locations:
        raise InputError(f"{name}: PyTorch is not installed (pip install 'optimoe[train]')")
    return FileSource(name=name, files=tuple(sorted(Path(spec.submodule_search_locations[0]).glob(pattern))))


def _topics() -> TextSource:
    files = tuple(Path(folder) / "topics.py" for folder in pydoc_data.__path__)
    return TopicsSource(name="pydoc-topics", files=files)


ON_EVERY_MACHINE: Mapping[str, Callable[[], TextSource]] = {
    "python-stdlib": _stdlib,
    "torch": partial(_torch, "torch", "**/*.py"),
    "torch-headers": partial(_torch, "torch-headers", "include/**/*.h"),
    "pydoc-topics": _topics,
}
"""Text that needs no download, by name: code in Python and C++ with English comments, and English prose."""


def find_source(name: str) -> TextSource:
    """Text by name: one of :data:`ON_EVERY_MACHINE`, ``hf:NAME[:CONFIG]``, a file or a folder of files.

    A file or folder of such a name is asked for as ``./python-stdlib``.

    Raises:
        InputError: It is neither a name nor a file or folder that is there; lists the names.
    """
    if name in ON_EVERY_MACHINE:
        return ON_EVERY_MACHINE[name]()
    if name.startswith(HUB):
        return HubSource(name=name)
    path = Path(name)
    if not path.exists():
        known = ", ".join(ON_EVERY_MACHINE)
        raise InputError(f"data: must be a file, a folder, {HUB}NAME or one of {known}, got {name!r}")
    return FileSource(name=name, files=tuple(text_files([path])))
