"""Classes of laws: those of the library by the name of their family, and one in a Python file of the user's."""

import inspect
import pkgutil
from importlib import import_module
from pathlib import Path
from typing import Any

from optimoe.core.errors import ConfigError, UnknownNameError, require
from optimoe.core.plugins import absolute_reference, is_file_reference, load_from_file
from optimoe.laws import families, rules
from optimoe.laws.law import Law


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


def class_of(family: str, where: str) -> type[Law]:
    """The class of a family, by its name or by its place in a Python file.

    Args:
        family: What a row names.
        where: What the row is, for the error line.

    Raises:
        UnknownNameError: No such family, or the file has no such name.
        ConfigError: There is no such file, or the class lacks something that a law needs.
    """
    if is_file_reference(family):
        return load_family(family)
    if family not in FAMILIES:
        raise UnknownNameError(f"law {where}: family", family, FAMILIES)
    return FAMILIES[family]


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
