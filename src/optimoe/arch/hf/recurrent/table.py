"""What a field table of a recurrent mixer can do."""

from typing import Any, ClassVar, Protocol

from optimoe.arch.hf.fields import Fields
from optimoe.arch.parts import Mixer


class RecurrentTable(Protocol):
    """Fields of a recurrent mixer, into it and back.

    Attributes:
        part: The class of the mixer.
    """

    part: ClassVar[Any]

    def read(self, fields: Fields, d_model: int) -> Mixer:
        """Read a mixer from its fields."""

    def write(self, mixer: Any, d_model: int) -> dict[str, Any]:
        """Write a mixer into the fields that it was read from."""
