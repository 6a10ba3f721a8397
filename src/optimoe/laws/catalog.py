"""The law library: published laws by name, and the law files of users."""

import inspect
import math
import pkgutil
from collections.abc import Iterable
from functools import cache
from importlib import import_module
from importlib.resources import files
from pathlib import Path
from typing import Any

from optimoe.core.config import build, load_facts, load_toml
from optimoe.core.errors import ConfigError, UnknownNameError, require
from optimoe.core.plugins import absolute_reference, is_file_reference, load_from_file
from optimoe.laws import families, rules
from optimoe.laws.gradients import FittableClass
from optimoe.laws.law import Law, LawRow
from optimoe.laws.loss_law import LossLaw


def _built_in() -> dict[str, type[Law]]:
    """Every class of laws that a module of families or rules defines and gives a family, by that name."""
    classes: dict[str, type[Law]] = {}
    for package in (families, rules):
        for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            for member in vars(import_module(module.name)).values():
                if inspect.isclass(member) and issubclass(member, Law) and "family" in vars(member):
                    other = classes.setdefault(member.family, member)
                    require(other is member, f"family {member.family}", f"of one class ({other})", member)
    return classes


FAMILIES = _built_in()

_FACTS = "optimoe.laws"


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
    if name not in _published():
        raise UnknownNameError("law", name, law_names())
    return _make(_published()[name], where=name)


def find_law(name: str) -> Law:
    """A law by name, or the one in a law file (``*.toml``), which may name a class in a Python file beside it.

    Raises:
        UnknownNameError: No such law, or a family that is not known.
        ConfigError: The law file does not describe one law, or the class that it names is not there.
    """
    if not name.endswith(".toml"):
        return find_published_law(name)
    path = Path(name)
    rows = load_toml(path).get("law", [])
    if not isinstance(rows, list) or len(rows) != 1:
        raise ConfigError(f"{name}: must hold exactly one [[law]]")
    row = rows[0]
    if isinstance(row, dict) and is_file_reference(str(row.get("family", ""))):
        reference = absolute_reference(row["family"], path.parent)
        if not Path(reference.rpartition(":")[0]).is_file():
            raise ConfigError(
                f"law {name}: family {row['family']}: the Python file is gone ({reference.rpartition(':')[0]}); "
                f"the law needs it to be evaluated"
            )
        row = row | {"family": reference}
    return _make(row, where=name)


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
            f"law: must give a loss for an architecture and its tokens, got {name} (family {law.family})"
        )
    law.require_usable()
    return law


def _make(row: dict[str, Any], where: str) -> Law:
    law_row = build(LawRow, row, where=f"law {where}")
    for symbol, value in law_row.coefficients.items():
        number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        require(number, f"law {where}: coefficient {symbol}", "a finite number", value)
    if is_file_reference(law_row.family):
        return load_family(law_row.family)(law_row, find_law)
    if law_row.family not in FAMILIES:
        raise UnknownNameError(f"law {where}: family", law_row.family, FAMILIES)
    return FAMILIES[law_row.family](law_row, find_law)


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
    if name in known:
        return known[name]
    rows = [find_published_law(law).row for law in law_names() if law == name or law.startswith(f"{name}-")]
    family = next((row.family for row in rows if row.family in known), "")
    if not family:
        raise UnknownNameError("family", name, known)
    return known[family]


def load_family(reference: str) -> type[Law]:
    """A class of laws in a Python file of the user's; its family becomes the place where it stands.

    Args:
        reference: ``path.py:Name``; a relative path starts at the working directory.

    Raises:
        ConfigError: There is no such file, or the class lacks something that a law needs.
        UnknownNameError: The file has no such name.
    """
    reference = absolute_reference(reference, Path())
    law_class = load_from_file(reference)
    _require_law_class(law_class, reference.rpartition(":")[2])
    law_class.family = reference
    return law_class


def _require_law_class(law_class: Any, name: str) -> None:
    """Refuse a class that lacks something, in one line that names it."""
    if not (inspect.isclass(law_class) and issubclass(law_class, Law)):
        raise ConfigError(f"{name}: must be a class of laws (a LossLaw, ArchLaw or Law), got {law_class!r}")
    missing = sorted(getattr(law_class, "__abstractmethods__", ()))
    if missing:
        kind = law_class.__mro__[1].__name__
        raise ConfigError(f"{name}: lacks {', '.join(missing)}, which every {kind} defines")
    if law_class._outputs.get("L") != "loss":
        raise ConfigError(f'{name}: lacks a method loss that is marked @output("L")')
    for field in ("free", "linear"):
        value = getattr(law_class, field)
        texts = isinstance(value, tuple) and all(isinstance(symbol, str) for symbol in value)
        require(texts, f"{name}.{field}", "a tuple of names", repr(value))
    form = law_class.fit_form
    named = {"linear": law_class.linear, "fit_form": () if form is None else (*form.grid, *form.bounds)}
    for field, symbols in named.items():
        unknown = [symbol for symbol in symbols if symbol not in law_class.free]
        require(not unknown, f"{name}.{field}", f"about coefficients of free {law_class.free}", ", ".join(unknown))


@cache
def _published() -> dict[str, dict[str, Any]]:
    return {row["name"]: row for paper in _papers() for row in paper["law"]}


def _papers() -> Iterable[dict[str, Any]]:
    folder = files(_FACTS).joinpath("data", "published")
    names = sorted(file.name for file in folder.iterdir() if file.name.endswith(".toml"))
    return [load_facts(_FACTS, f"published/{name}") for name in names]
