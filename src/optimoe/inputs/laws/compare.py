"""The requests of ``optimoe laws compare`` and ``decide``: what laws say of one design, or of one budget."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cyclopts import Parameter

from optimoe.inputs.quantities import Quantity
from optimoe.inputs.sources import AsFamily, LawNames, Model, read_models

if TYPE_CHECKING:
    from optimoe.arch.spec import ArchSpec


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class CompareLawsRequest:
    """One design under every law that covers it, as differences to each law's own dense model."""

    model: Model = field(kw_only=False)
    """Catalog name, config.json, or the folder that holds one."""
    tokens: Quantity
    """Training tokens."""
    as_family: AsFamily = ""
    """The known model_type as which a config.json of an unknown one is to be read, such as llama: only where it
    states every field that could change a count."""
    laws: LawNames = None
    """Laws to ask (once for each); all verified and transcribed ones if left out."""

    def spec(self) -> "ArchSpec":
        """The design that is named or described.

        Raises:
            UnknownNameError: Neither a file nor a name of the catalog; lists the nearest names.
            ConfigError: The file is no usable ``config.json``.
        """
        return read_models((self.model,), self.as_family)[0]


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class DecideRequest:
    """What each law would decide at a training budget: experts, granularity, tokens per parameter."""

    train_flops: Quantity
    """Training budget in FLOPs."""
    laws: LawNames = None
    """Laws to ask (once for each); all that can answer if left out."""
