"""The model that a command is about: named, or stated by hand."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cyclopts import Parameter

from optimoe.core.errors import InputError
from optimoe.inputs.plausible import Plausible
from optimoe.inputs.sources import AsFamily, Model, Shape, read_models, read_shape_of

if TYPE_CHECKING:
    from optimoe.arch.spec import ArchSpec


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class OneModel(Plausible):
    """One model, by name, by file or by its shape."""

    model: Model = field(default="", kw_only=False)
    """Catalog name, config.json or the folder that holds one, or a TOML or JSON file of parts."""
    shape: Shape = ""
    """In place of MODEL a shape by hand, d_model=4096,num_layers=48,… (docs/architectures.md), or its file."""
    as_family: AsFamily = ""
    """The known model_type as which a config.json of an unknown one is to be read, such as llama: only where it
    states every field that could change a count."""

    def spec(self) -> "ArchSpec":
        """The model that is named or described.

        Raises:
            InputError: None is, or two are.
            UnknownNameError: Neither a file nor a name of the catalog, or no word of a shape; lists the nearest.
            ConfigError: The file is no usable ``config.json`` and states no parts, or the shape cannot be.
        """
        if not self.model and not self.shape:
            raise InputError("model: missing: name one, or state its shape (--shape d_model=4096,num_layers=48,…)")
        if self.model and self.shape:
            raise InputError("--shape: must be left out beside a model, both say which model it is")
        return read_shape_of(self.shape) if self.shape else read_models((self.model,), self.as_family)[0]
