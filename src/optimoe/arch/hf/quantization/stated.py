"""What a quantisation states: schemes for modules that it names or for all linear ones, and exceptions."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from optimoe.arch.hf.quantization.matching import ModuleNames
from optimoe.arch.hf.quantization.scheme import Scheme
from optimoe.core.errors import ConfigError

Config = Mapping[str, Any]
NOBODY = ModuleNames((), "")


@dataclass(frozen=True, kw_only=True)
class Named:
    """A scheme and its modules: ``names``, or ``everywhere`` all linear layers, the ``head`` too or not."""

    scheme: Scheme | None
    names: ModuleNames = NOBODY
    everywhere: bool = False
    head: bool = False


@dataclass(frozen=True, kw_only=True)
class Stated:
    """What a checkpoint says of its formats.

    Attributes:
        schemes: In order; a module takes the first that names it, else the first that is for every layer.
        exceptions: Modules that stay as they are.
        kv_cache: Format of the cache that it asks for; empty where it asks for none.
        warning: What was not understood; empty otherwise.
    """

    schemes: tuple[Named, ...] = ()
    exceptions: ModuleNames = field(default=NOBODY)
    kv_cache: str = ""
    warning: str = ""

    @property
    def names_single_experts(self) -> bool:
        """Whether a list tells one expert of a layer from another."""
        return any(names.names_single_experts for names in self.lists)

    @property
    def lists(self) -> tuple[ModuleNames, ...]:
        """All lists of modules: the exceptions, and those of each scheme."""
        return (self.exceptions, *(it.names for it in self.schemes))

    def scheme(self, names: tuple[str, ...], *, linear: bool = True) -> Scheme | None:
        """The scheme of a module that goes by these names; none if it stays as it is."""
        if self.exceptions.select(names):
            return None
        for named in self.schemes:
            if named.names.select(names):
                return named.scheme
        return next((named.scheme for named in self.schemes if named.everywhere), None) if linear else None

    def head_scheme(self, names: tuple[str, ...]) -> Scheme | None:
        """The scheme of the unembedding."""
        for_all = any(named.everywhere and named.head for named in self.schemes)
        return self.scheme(names, linear=for_all)


def integer(config: Config, name: str, otherwise: int | None = None) -> int:
    """A field that must be a whole number.

    Raises:
        ConfigError: Anything else, or missing where nothing stands for it.
    """
    value = config.get(name)
    if value is None and otherwise is not None:
        return otherwise
    if type(value) is not int:
        raise ConfigError(f"quantization_config: {name} must be a whole number, got {value!r}")
    return value


def section(config: Config, name: str) -> Config | None:
    """A field that must be an object where it stands.

    Raises:
        ConfigError: Anything else.
    """
    value = config.get(name)
    if value is not None and not isinstance(value, Mapping):
        raise ConfigError(f"quantization_config: {name} must be an object, got {value!r}")
    return value


def names(config: Config, *fields: str) -> ModuleNames:
    """The modules that the first of these fields lists; none where all are absent.

    Raises:
        ConfigError: It is no list of texts.
    """
    for name in fields:
        value = config.get(name)
        if value is not None:
            if not isinstance(value, list):
                raise ConfigError(f"quantization_config: {name} must be a list of names, got {value!r}")
            return ModuleNames(value, f"quantization_config: {name}")
    return NOBODY


def cache_format(value: Any) -> str:
    """Format of a cache by its word (``FP8``) or its bits and type; empty where nothing is asked for.

    Raises:
        ConfigError: Not one that is known.
    """
    if isinstance(value, Mapping):
        value = f"{value.get('type')}{value.get('num_bits')}"
    if value is None:
        return ""
    word = _CACHES.get(str(value).lower())
    if word is None:
        raise ConfigError(
            f"quantization_config: the cache's format must be one of {', '.join(_CACHES)}, got {value!r}"
        )
    return word


_CACHES = {
    "fp8": "fp8",
    "float8": "fp8",
    "int8": "int8",
    "nvfp4": "nvfp4",
    "float4": "nvfp4",
    "none": "",
    "auto": "",
}
