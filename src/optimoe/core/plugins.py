"""Python of the user's: a class in a file, named as ``path.py:Name``, or an entry point of an installed package.

A file that is loaded is run. Names of files from elsewhere (a request of a web page, a JSON or TOML record that
somebody sent) must not come here; an entry point is of a package that the user installed, so its name may.
"""

import importlib.util
import os
import sys
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from optimoe.core.errors import ConfigError, UnknownNameError, require, require_choice, shown
from optimoe.core.files.shut import require_files_open

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint


def is_file_reference(text: str) -> bool:
    """Whether a text names something in a Python file: ``path.py:Name``."""
    path, _, name = text.rpartition(":")
    return path.endswith(".py") and bool(name)


def absolute_reference(reference: str, folder: Path) -> str:
    """A reference with its path made absolute; a relative one starts at the folder."""
    path, _, name = reference.rpartition(":")
    return f"{(folder / path).resolve()}:{name}"


def relative_reference(reference: str, folder: Path) -> str:
    """A reference with its path as seen from a folder, so that the two can be moved together."""
    path, _, name = reference.rpartition(":")
    try:
        return f"{Path(os.path.relpath(path, folder.resolve())).as_posix()}:{name}"
    except ValueError:  # another drive (Windows): no way leads there from the folder
        return reference


def load_from_file(reference: str) -> Any:
    """What a Python file calls so: ``load_from_file("my_law.py:MyLaw")``.

    A file is run once, and again after it was changed.

    Raises:
        ConfigError: The file is not there, or it is not Python that can be imported.
        UnknownNameError: It has nothing of that name.
        InputError: Files are shut.
    """
    require(is_file_reference(reference), "name", "like my_law.py:MyLaw", repr(reference))
    require_files_open(reference)
    path_text, _, name = reference.rpartition(":")
    path = Path(path_text).resolve()
    if not path.is_file():
        raise ConfigError(f"{reference}: there is no file {path}")
    module = _load_module(path, path.stat().st_mtime_ns)
    if not hasattr(module, name):
        public = [known for known in vars(module) if not known.startswith("_")]
        raise UnknownNameError(f"{path_text}: name", name, public)
    return getattr(module, name)


@lru_cache
def _load_module(path: Path, changed_ns: int) -> ModuleType:
    """The module of a file; the time of its last change is part of the memory's key."""
    module_name = f"optimoe_file_{path.stem}_{abs(hash(path)):x}"
    spec = importlib.util.spec_from_file_location(module_name, path)
    if spec is None or spec.loader is None:
        raise ConfigError(f"{path}: cannot be imported")
    module = importlib.util.module_from_spec(spec)
    # dataclasses and typing look a class's module up by name, so it is registered before the file runs.
    sys.modules[module_name] = module
    try:
        spec.loader.exec_module(module)
    except (SyntaxError, ImportError) as error:
        del sys.modules[module_name]
        raise ConfigError(f"{path}: cannot be imported ({error})") from None
    return module


def entry_point_names(group: str) -> tuple[str, ...]:
    """Names that installed packages state in a group such as ``optimoe.routers``, in alphabetical order."""
    return tuple(sorted(_entry_points(group, tuple(sys.path))))


def load_entry_point(group: str, name: str) -> Any:
    """What an installed package states under a name of a group.

    Raises:
        UnknownNameError: No package states that name; the text names the nearest.
        ConfigError: The package cannot be imported, or has nothing of the name that it states.
    """
    stated = _entry_points(group, tuple(sys.path))
    require_choice(name, group, stated)
    entry = stated[name]
    try:
        return entry.load()
    except (ImportError, AttributeError, SyntaxError) as error:
        source = entry.dist.name if entry.dist is not None else "an installed package"
        raise ConfigError(
            f"{group}: entry point {name} = {entry.value} of {source} cannot be loaded ({shown(str(error), 200)})"
        ) from None


@lru_cache
def _entry_points(group: str, path: tuple[str, ...]) -> "dict[str, EntryPoint]":
    """The entry points of a group by name; reading every installed package takes a while, so it is remembered.

    Args:
        group: The group.
        path: Where Python looks for packages: another path has other packages.
    """
    from importlib.metadata import entry_points  # a tenth of what counting a model takes: only where asked

    return {entry.name: entry for entry in entry_points(group=group)}
