"""Laws by name: those that were published, and those in law files."""

from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from optimoe.core.config import build, load_facts
from optimoe.core.errors import ConfigError, UnknownNameError, find_name, require, same_names, shown
from optimoe.core.files.reading import Source
from optimoe.core.files.shut import are_files_shut
from optimoe.core.plugins import is_file_reference
from optimoe.laws.catalog.classes import FAMILIES, class_of, load_family
from optimoe.laws.catalog.files import read_law_file
from optimoe.laws.gradients import FittableClass
from optimoe.laws.law import Law, LawRow
from optimoe.laws.loss_law import LossLaw

_FACTS = "optimoe.laws"
FOLDERS = ("published", "own")
"""Laws of papers, and those that were fitted here to public runs (``benchmarks/own_law.py``)."""


def law_names() -> tuple[str, ...]:
    """The published laws, paper by paper."""
    return tuple(_published())


def published_checks() -> list[dict[str, Any]]:
    """Check-values of the published laws: outputs with their sources and tolerances."""
    return [row for paper in _papers() for row in paper.get("check", [])]


def published_rows(family: str) -> list[LawRow]:
    """The published coefficient sets of a family."""
    return [find_published_law(name).row for name, row in _published().items() if row["family"] == family]


def find_published_law(name: str) -> Law:
    """A law of the library by name; never a file.

    Raises:
        UnknownNameError: No such law.
    """
    return _published_law(find_name("law", name, _published()))


@cache
def _published_law(name: str) -> Law:
    """One object for each law: what is kept of a law is found again by whoever asks for it by name."""
    row = build(LawRow, _published()[name], where=f"law {name}")
    return class_of(row.family, name)(row, find_law)


FILE_ENDINGS = (".json", ".jsonl", ".csv", ".tsv", ".parquet", ".txt", ".yaml", ".yml", ".py")
"""Endings of files that are no law file, but are named where one is asked for."""

MOST_PATH = 255
"""Characters of a path that are looked up: a longer name is that of no file."""


def find_law(name: str | Source) -> Law:
    """A law by name, or the one in a law file (``*.toml``), which may name a class in a Python file beside it.

    Of what a law file holds, and while files are shut, the laws that it names are those of the library.

    Raises:
        UnknownNameError: No such law, or a family that is not known.
        ConfigError: The law file does not describe one law that can be, or the class that it names is not there.
    """
    if isinstance(name, Source):
        row, law_class = read_law_file(name)
        return law_class(row, find_published_law)
    if are_files_shut():
        return find_published_law(name)
    if not name.endswith(".toml"):
        if name.endswith(FILE_ENDINGS) or Path(name[:MOST_PATH]).exists():
            wanted = "a name of optimoe laws list or a law file (*.toml)"
            raise ConfigError(f"law: must be {wanted}, got {shown(name)}")
        return find_published_law(name)
    row, law_class = read_law_file(Path(name))
    return law_class(row, find_law)


def find_loss_law(name: str) -> LossLaw:
    """A law that gives a loss for an architecture, and may be used for predictions.

    Raises:
        UnknownNameError: No such law.
        ConfigError: It gives no loss for an architecture and any number of tokens.
        InputError: It is inconsistent as printed, or has no published coefficients.
    """
    law = find_law(name)
    law.require_consistent()
    if not isinstance(law, LossLaw):
        raise ConfigError(
            f"law: must give a loss for an architecture and its tokens, as optimoe2026 and others of optimoe laws "
            f"compare do, got {name} (family {law.family})"
        )
    law.require_usable()
    return law


def family_words() -> frozenset[str]:
    """What a family is called: by its own name, by a law of it, by the paper."""
    laws = law_names()
    return frozenset((*FAMILIES, *laws, *(law.partition("-")[0] for law in laws)))


def find_family(name: str) -> FittableClass:
    """A family that can be fitted: by its own name, by a law of it, by the paper (``yun2024``), or in a file.

    Args:
        name: Such as ``chinchilla``, or ``my_law.py:MyLaw`` for a class of the user's.

    Raises:
        UnknownNameError: No such family, or one that is no form to fit.
        ConfigError: The file or the class in it cannot be used.
    """
    if is_file_reference(name):
        law_class = load_family(name)
        require(law_class.free, f"{name}: free", "the names of the coefficients to fit", "none")
        return law_class  # type: ignore[return-value]
    known: dict[str, Any] = {key: law for key, law in FAMILIES.items() if law.free}
    name = next(iter(same_names(name, family_words())), name)
    if name in known:
        return known[name]
    rows = [find_published_law(law).row for law in law_names() if law == name or law.startswith(f"{name}-")]
    family = next((row.family for row in rows if row.family in known), "")
    if not family:
        raise UnknownNameError("family", name, known)
    return known[family]


@cache
def _published() -> dict[str, dict[str, Any]]:
    return {row["name"]: row for paper in _papers() for row in paper["law"]}


def _papers() -> Iterable[dict[str, Any]]:
    rows = []
    for folder in FOLDERS:
        found = files(_FACTS).joinpath("data", folder).iterdir()
        names = sorted(file.name for file in found if file.name.endswith(".toml"))
        rows += [load_facts(_FACTS, f"{folder}/{name}") for name in names]
    return rows
