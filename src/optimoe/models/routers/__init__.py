"""Routers by kind: each file holds a frozen configuration and the module that it builds.

Another package adds one by a configuration class of its own (:class:`~optimoe.models.routers.base.RouterConfig`)
that it states as an entry point, under its kind::

    [project.entry-points."optimoe.routers"]
    my_router = "my_package.routing:MyRouter"
"""

from collections.abc import Mapping
from dataclasses import is_dataclass
from typing import Any

from optimoe.core.config import build_kind
from optimoe.core.errors import require, require_choice
from optimoe.core.plugins import entry_point_names, load_entry_point
from optimoe.models.routers.assignment import Base, SBase
from optimoe.models.routers.base import INIT_STD, Router, RouterConfig
from optimoe.models.routers.capacity import DROPLESS
from optimoe.models.routers.expert_choice import ExpertChoice
from optimoe.models.routers.hashing import Hash
from optimoe.models.routers.policy_gradient import PolicyGradient
from optimoe.models.routers.top_k import TopK

_BUILT_IN: dict[str, type[RouterConfig]] = {
    config.kind: config for config in (TopK, ExpertChoice, SBase, Base, Hash, PolicyGradient)
}


GROUP = "optimoe.routers"
"""The group of entry points under which packages state routers."""


def router_kinds() -> tuple[str, ...]:
    """The kinds of all routers, those built in first."""
    return (*_BUILT_IN, *(name for name in entry_point_names(GROUP) if name not in _BUILT_IN))


def find_router(kind: str) -> type[RouterConfig]:
    """The configuration class of a router, by its kind; a built-in kind is never another package's.

    Raises:
        UnknownNameError: No such router; the text names the nearest.
        ConfigError: A package states the kind, and what it states cannot be loaded or is no router of that kind.
    """
    require_choice(kind, "router: kind", router_kinds())
    if kind in _BUILT_IN:
        return _BUILT_IN[kind]
    config: Any = load_entry_point(GROUP, kind)
    is_router = isinstance(config, type) and issubclass(config, RouterConfig) and is_dataclass(config)
    require(is_router, f"{GROUP}: {kind}", "a dataclass of the kind RouterConfig", repr(config))
    require(config.kind == kind, f"{GROUP}: {kind}", f"a router of kind {kind}", config.kind)
    return config


def read_router(table: Mapping[str, Any], where: str = "router") -> RouterConfig:
    """A router's configuration from a table such as ``{"kind": "top_k", "score": "sigmoid"}``.

    :func:`optimoe.core.config.to_table` writes what this reads.

    Args:
        table: ``kind``, and the fields of that router's configuration.
        where: What the table is, for the error line.

    Raises:
        ConfigError: ``kind`` is missing, or a field has the wrong type or is out of its limits.
        UnknownNameError: No such router, field or option; the text names the nearest.
    """
    return build_kind(find_router, table, where)


__all__ = [
    "DROPLESS",
    "INIT_STD",
    "Base",
    "ExpertChoice",
    "Hash",
    "PolicyGradient",
    "Router",
    "RouterConfig",
    "SBase",
    "TopK",
    "find_router",
    "read_router",
    "router_kinds",
]
