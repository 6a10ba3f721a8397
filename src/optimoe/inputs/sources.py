"""Names that may also be files: models, accelerators, engines, calibrations, laws; and what a network may name."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias, get_args

from cyclopts import Parameter

from optimoe.arch.catalog import find_model, model_names, parse_shape, read_shape
from optimoe.arch.catalog.models import catalog_name, states_parts
from optimoe.arch.hf import from_config
from optimoe.arch.spec import ArchSpec
from optimoe.core.config import convert, load_toml
from optimoe.core.errors import InputError, UnknownNameError, find_name, require, shown
from optimoe.core.files.reading import Source
from optimoe.core.files.shut import are_files_shut
from optimoe.core.units import parse_quantity
from optimoe.inputs.sent import is_sent, sent_file


@dataclass(frozen=True)
class Shipped:
    """Names of things that ship, or files of one's own; from a network only the names.

    Attributes:
        find: The name of what ships, by a name as people write it; never of a file.
        names: All names of what ships, for who chooses among them.
        several: Whether several may stand between commas.
        counted: Whether a number may stand before the name, as in ``8xh100-sxm``.
        sized: Whether a memory may stand behind the name, as in ``h100-sxm@40GB``.
    """

    find: Callable[[str], str]
    names: Callable[[], Iterable[str]] = tuple
    several: bool = False
    counted: bool = False
    sized: bool = False

    def read(self, value: Any, trusted: bool) -> str:
        """Read a name, or where it is trusted the path of a file; where it is not, as it ships.

        Raises:
            InputError: It is no text, or is not trusted and has a memory that is none.
            UnknownNameError: It is not trusted, and no name that ships.
        """
        if self.several and isinstance(value, list | tuple):
            value = ",".join(map(str, value))
        if isinstance(value, Path):
            value = str(value)
        if not isinstance(value, str):
            raise InputError(f"must be text, got {value!r}")
        if trusted:
            return value
        return ",".join(self._shipped(item.strip()) for item in (value.split(",") if self.several else [value]))

    def _shipped(self, item: str) -> str:
        """An item with its name as it ships, so that nothing looks for a file of that name."""
        number, times, name = item.partition("x")
        name = name if self.counted and times and number.strip().isdigit() else item
        before, behind = item.removesuffix(name), ""
        if self.sized:
            name, stated, memory = name.partition("@")
            if stated:
                parse_quantity(memory, "bytes")  # refuses what is no memory, such as the rest of a path
                behind = stated + memory
        bare = not name or (self.counted and name.isdigit())
        return before + (name if bare else self.find(name)) + behind


@dataclass(frozen=True)
class ModelSource(Shipped):
    """A model by name, by file, or by content: a description, or what a ``config.json`` holds."""

    def read(self, value: Any, trusted: bool) -> Any:
        """Read a model's name, path or content.

        Raises:
            InputError: It is none of these.
            UnknownNameError: It is not trusted, and no name of the catalog.
        """
        return value if isinstance(value, ArchSpec | Mapping) else super().read(value, trusted)


@dataclass(frozen=True)
class ModelSources(ModelSource):
    """Several models, each by name, by file, or by content."""

    def read(self, value: Any, trusted: bool) -> Any:
        """Read each model of a list.

        Raises:
            InputError: It is no list of models.
            UnknownNameError: It is not trusted, and one is no name of the catalog.
        """
        if not isinstance(value, list | tuple):
            raise InputError(f"must be a list of models, got {value!r}")
        read = super().read
        return tuple(read(item, trusted) for item in value)


@dataclass(frozen=True)
class ShapeSource:
    """A shape stated by hand: its words as text or as a table, or a file of them."""

    several: bool = False

    def read(self, value: Any, trusted: bool) -> Any:
        """Read one shape, or a list of them.

        Raises:
            InputError: It is neither text nor a table, or is a file and not trusted.
        """
        if self.several:
            items = value if isinstance(value, list | tuple) else [value]
            return tuple(self._one(item, trusted) for item in items)
        return self._one(value, trusted)

    def _one(self, value: Any, trusted: bool) -> Any:
        if isinstance(value, Path):
            value = str(value)
        if isinstance(value, Mapping) or (isinstance(value, str) and (trusted or "=" in value)):
            return value
        raise InputError(f"must be a shape like d_model=4096,num_layers=48, or a table, got {value!r}")


@dataclass(frozen=True)
class ShippedList(Shipped):
    """Names of things that ship, or files of one's own, as a list."""

    def read(self, value: Any, trusted: bool) -> Any:
        """Read each name of a list.

        Raises:
            InputError: It is no list of texts.
            UnknownNameError: It is not trusted, and one is no name that ships.
        """
        items = [value] if isinstance(value, str) else value
        if not isinstance(items, list | tuple):
            raise InputError(f"must be a list of names, got {value!r}")
        read = super().read
        return [read(item, trusted) for item in items]


@dataclass(frozen=True)
class RunsSource(Shipped):
    """Tables of runs by file, or one by content: columns by name, a data frame, or the text of a file."""

    def read(self, value: Any, trusted: bool) -> Any:
        """Read the paths of tables (a tuple, also of one) or a table's content; from a network only content.

        Raises:
            InputError: It is a path and not trusted, or a file is sent without a text under a name.
        """
        if is_sent(value):
            return sent_file(**value)
        several = isinstance(value, list | tuple) and any(isinstance(item, str | Path) for item in value)
        if not several and not isinstance(value, str | Path):
            return value
        paths = tuple(value) if several else (value,)
        if not trusted or not all(isinstance(path, str | Path) for path in paths):
            raise InputError(f"files are for the command line and Python, got {str(paths[0])!r}")
        return tuple(str(path) for path in paths)


@dataclass(frozen=True)
class LawSource(Shipped):
    """A law by name, by file, or by content: the text of a law file."""

    def read(self, value: Any, trusted: bool) -> Any:
        """Read a law's name or path, or a law file that is sent.

        Raises:
            InputError: It is none of these, or a file is sent without a text under a name.
            UnknownNameError: It is not trusted, and no law of the library.
        """
        return sent_file(**value) if is_sent(value) else super().read(value, trusted)


def _gpus() -> tuple[str, ...]:
    from optimoe.cost.hardware.accelerator import accelerator_names

    return accelerator_names()


def _engines() -> tuple[str, ...]:
    from optimoe.cost.engines.preset import engine_names

    return engine_names()


def _calibrations() -> tuple[str, ...]:
    from optimoe.cost.calibration import calibration_names

    return calibration_names()


def _laws() -> tuple[str, ...]:
    from optimoe.laws.catalog import law_names

    return law_names()


def _gpu(name: str) -> str:
    from optimoe.cost.hardware.accelerator import accelerator_key, accelerator_names

    find_name("gpu", accelerator_key(name), accelerator_names())
    return name  # a GPU says in its notes by which name it was asked for; a file is one by its ending alone


def _serving_gpu(name: str) -> str:
    return name if name == ANY else _gpu(name)


def _engine(name: str) -> str:
    from optimoe.cost.engines.preset import engine_name

    return engine_name(name)


def _calibration(name: str) -> str:
    from optimoe.cost.calibration import calibration_names

    return find_name("calibration", name, calibration_names())


def _tier(name: str) -> str:
    from optimoe.cost.hardware.price import find_tier

    find_tier(name)
    return name


def _tiers() -> tuple[str, ...]:
    from optimoe.cost.hardware.price import Tier

    return tuple(tier.replace("_", "-") for tier in get_args(Tier))


def _law(name: str) -> str:
    from optimoe.laws.catalog import law_names

    return find_name("law", name, law_names())


def _family(name: str) -> str:
    from optimoe.laws.catalog import family_words

    return find_name("family", name, family_words())


def no_file(name: str) -> str:
    """Refuse a name where nothing ships: it could be that of a file alone."""
    raise UnknownNameError("data", name, ())


ANY = "any"
"""Every kind of GPU that has a price."""

ModelLike = str | Path | Mapping[str, Any] | ArchSpec
"""What stands for a model in Python."""
if TYPE_CHECKING:
    Model: TypeAlias = ModelLike
    Models: TypeAlias = tuple[ModelLike, ...]
    Shape: TypeAlias = str | Path | Mapping[str, Any]
    Shapes: TypeAlias = tuple[str | Path | Mapping[str, Any], ...]
    Runs: TypeAlias = Any
    OwnLaw: TypeAlias = str | Source
else:  # a command line has only text: of a union cyclopts would take every word that follows, and keep the first
    Model = Annotated[str, ModelSource(catalog_name, model_names)]
    Models = Annotated[tuple[str, ...], Parameter(negative=""), ModelSources(catalog_name, model_names)]
    Shape = Annotated[str, ShapeSource()]
    Shapes = Annotated[tuple[str, ...], Parameter(negative="", consume_multiple=False), ShapeSource(several=True)]
    Runs = Annotated[tuple[str, ...], Parameter(negative=""), RunsSource(no_file)]
    OwnLaw = Annotated[str, LawSource(_law, _laws)]
Accelerator = Annotated[str, Shipped(_gpu, _gpus, sized=True)]
"""An accelerator's name, or a TOML file of one's own."""
Accelerators = Annotated[str, Shipped(_gpu, _gpus, several=True, sized=True)]
"""Several kinds of accelerators."""
Gpus = Annotated[str, Shipped(_gpu, _gpus, several=True, counted=True, sized=True)]
"""GPUs with their number, such as ``8xh100-sxm``."""
ServingGpus = Annotated[str, Shipped(_serving_gpu, _gpus, several=True, counted=True, sized=True)]
"""GPUs with their number, kinds alone, or any kind."""
PriceTier = Annotated[str, Shipped(_tier, _tiers)]
"""A way to buy GPU hours."""
EngineName = Annotated[str, Shipped(_engine, _engines)]
"""An engine's preset."""
CalibrationName = Annotated[str, Shipped(_calibration, _calibrations)]
"""A calibration that ships, or a file of ``cost calibrate``; empty for none."""
LawName = Annotated[str, Shipped(_law, _laws)]
"""A law of the library, or a law file."""
LawNames = Annotated[list[str] | None, Parameter(negative=""), ShippedList(_law, _laws)]
"""Laws of the library, or law files, once for each."""
FamilyNames = Annotated[list[str], Parameter(negative=""), ShippedList(_family)]
"""Families of laws, once for each."""
FamilyName = Annotated[str, Shipped(_family)]
"""A family of laws, a law of it or its paper, or a class in a Python file of one's own."""


AsFamily = Annotated[str, Parameter(name="--as")]
"""The ``model_type`` as which a ``config.json`` of an unknown one is to be read, nothing taken for granted."""


def read_models(models: Iterable[ModelLike], as_family: str = "") -> list[ArchSpec]:
    """Several models, those of an unknown ``model_type`` as a family that is named.

    Args:
        models: What stands for them.
        as_family: A known ``model_type``; empty where unknown ones are to be refused.

    Raises:
        InputError: A family is named and no model is of an unknown type.
        UnknownNameError: One is neither a file nor a name of the catalog, or its ``model_type`` is not known.
        ConfigError: A file or content is no usable ``config.json`` and states no parts.
    """
    found, unknown = [], 0
    for model in models:
        try:
            found.append(read_model(model))
        except UnknownNameError:
            if not as_family:
                raise
            found.append(read_model(model, as_family))
            unknown += 1
    if as_family and not unknown:
        raise InputError(f"--as: must be left out, every model_type is known, got {shown(as_family)}")
    return found


def read_model(model: ModelLike, as_family: str = "") -> ArchSpec:
    """The model that a name, a path, the content of a ``config.json`` or an ``ArchSpec`` stands for.

    Args:
        model: What stands for it.
        as_family: As which ``model_type`` one that is not known is to be read; empty for none.

    Raises:
        UnknownNameError: Neither a file nor a name of the catalog; lists the nearest names.
        ConfigError: The file or the content is no usable ``config.json`` and states no parts.
    """
    if isinstance(model, ArchSpec):
        return model
    if isinstance(model, Mapping):
        name = str(model.get("name", "model"))
        if states_parts(model):
            return read_shape(model, name, "model")
        return from_config(model, name=name, as_family=as_family)
    return find_model(str(model), as_family)


RECIPE = "recipe.toml"
"""The file in which a plan leaves the run of its winner, beside the winner's ``config.json``."""


def planned_batch_tokens(model: ModelLike | None) -> int:
    """Tokens of a step for which a plan was made that left this model; 0 for a model that no plan left.

    Raises:
        ConfigError: The recipe beside the model cannot be read.
    """
    if not isinstance(model, str | Path) or not model or are_files_shut():
        return 0
    folder = Path(model) if Path(model).is_dir() else Path(model).parent
    if not (Path(model).exists() and (folder / RECIPE).is_file()):
        return 0
    value: Any = load_toml(folder / RECIPE)
    for key, left_out in (("plan", {}), ("training", {}), ("batch_tokens", 0)):
        require(isinstance(value, dict), f"{folder / RECIPE}: {key}", "a value of a table", repr(value))
        value = value.get(key, left_out)
    batch_tokens: int = convert(value, int, f"{folder / RECIPE}: plan.training.batch_tokens")
    return batch_tokens


def read_shape_of(shape: str | Path | Mapping[str, Any]) -> ArchSpec:
    """The model that a shape states by hand: its words as text or as a table, or a file of them.

    Raises:
        InputError: It is no text of words, and no file.
        UnknownNameError: A word is none of a shape; lists the nearest.
        ConfigError: A word is missing, has the wrong type or is out of its limits.
    """
    if isinstance(shape, Mapping):
        return read_shape(shape, "shape", "shape")
    text = str(shape)
    if Path(text).suffix in (".toml", ".json") or "=" not in text:
        if Path(text).suffix not in (".toml", ".json"):
            raise InputError(f"--shape: must be like d_model=4096,num_layers=48, or a file of parts, got {text!r}")
        return find_model(text)
    return parse_shape(text)
