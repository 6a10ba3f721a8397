"""A folder of checkpoints: each appears whole, the last few are kept, a broken one is passed over."""

import hashlib
import json
import math
import os
import re
import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from optimoe.core.errors import InputError, require

MANIFEST = "manifest.json"
_NAME = re.compile(r"step-(\d{8})")
_PIECE = 1 << 20


@dataclass(frozen=True)
class NewestCheckpoint:
    """The newest checkpoint that is whole, and what is wrong with newer ones.

    Attributes:
        path: Its folder, or none where there is none.
        step: Its step; 0 where there is none.
        broken: A line for each newer one that was passed over.
    """

    path: Path | None
    step: int
    broken: tuple[str, ...]


class CheckpointFolder:
    """Checkpoints of one run.

    Args:
        folder: Where they are.
        keep: The last so many are kept.
        keep_steps: Those of these steps are kept besides.

    Raises:
        ConfigError: None is to be kept.
    """

    def __init__(self, folder: Path, keep: int = 2, keep_steps: Collection[int] = ()) -> None:
        require(keep >= 1, "keep", "1 or more", keep)
        self.folder, self._keep, self._keep_steps = folder, keep, frozenset(keep_steps)

    @contextmanager
    def writing(self, step: int) -> Iterator[Path]:
        """A folder to fill, which then becomes the checkpoint of a step; one that was there before is replaced.

        Its manifest lists size and SHA-256 of every file; files and folder are on the disk before it has its name,
        and older ones are removed after that.

        Raises:
            InputError: It cannot be written; earlier ones are as they were.
        """
        name = f"step-{step:08d}"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with TemporaryDirectory(dir=self.folder, prefix=".writing-", ignore_cleanup_errors=True) as beside:
                whole = Path(beside) / name
                whole.mkdir()
                yield whole
                _write_manifest(whole)
                target = self.folder / name
                if target.exists():
                    target.rename(Path(beside) / "before")
                whole.rename(target)
                _sync(self.folder)
        except OSError as error:
            raise InputError(f"{self.folder / name}: cannot be written ({error.strerror or error})") from None
        for old in [one for one in self.steps() if one not in self._keep_steps][: -self._keep]:
            shutil.rmtree(self._path(old), ignore_errors=True)

    def steps(self) -> list[int]:
        """Steps of which there is a checkpoint, whole or not, in order."""
        if not self.folder.is_dir():
            return []
        found = (_NAME.fullmatch(path.name) for path in self.folder.iterdir() if path.is_dir())
        return sorted(int(one[1]) for one in found if one)

    def newest(self, most_steps: float = math.inf) -> NewestCheckpoint:
        """The newest checkpoint that is whole.

        Args:
            most_steps: Of those of so many steps.
        """
        broken: list[str] = []
        for step in reversed(self.steps()):
            if step <= most_steps:
                wrong = what_is_wrong(self._path(step))
                if not wrong:
                    return NewestCheckpoint(self._path(step), step, tuple(broken))
                broken.append(f"{self._path(step)}: passed over, {wrong}")
        return NewestCheckpoint(None, 0, tuple(broken))

    def clear_unfinished(self) -> None:
        """Remove what a killed process left half-written."""
        for path in self.folder.glob(".writing-*"):
            shutil.rmtree(path, ignore_errors=True)

    def _path(self, step: int) -> Path:
        return self.folder / f"step-{step:08d}"


def what_is_wrong(checkpoint: Path) -> str:
    """What a checkpoint's files lack against its manifest; empty where it is whole."""
    try:
        listed = json.loads((checkpoint / MANIFEST).read_text(encoding="utf-8"))["files"]
        for name, stated in listed.items():
            if not (checkpoint / name).is_file():
                return f"{name} is not there"
            if (checkpoint / name).stat().st_size != stated["bytes"]:
                return f"{name} has another size"
            if _sha256(checkpoint / name) != stated["sha256"]:
                return f"{name} has another checksum"
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return f"{MANIFEST} cannot be read"
    return ""


def _write_manifest(folder: Path) -> None:
    files: dict[str, Any] = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            files[str(path.relative_to(folder))] = {"bytes": path.stat().st_size, "sha256": _sha256(path)}
            _sync(path)
    manifest = folder / MANIFEST
    manifest.write_text(json.dumps({"version": 1, "files": files}, indent=1) + "\n", encoding="utf-8")
    _sync(manifest)


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            digest.update(piece)
    return digest.hexdigest()


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
