"""Lengths of prompts and answers as people state them."""

from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from optimoe.core.errors import InputError
from optimoe.core.units import parse_quantity
from optimoe.inputs.quantities import ByComma, whole

if TYPE_CHECKING:
    from optimoe.loadtest.workload import TokenLengths

LengthsText = Annotated[str, Parameter(metavar="TOKENS|LOW:HIGH|KIND:MEAN:STD"), ByComma()]
"""``128``, ``64:256``, ``normal:128:32``, ``lognormal:1K:500``."""

MOST_TOKENS = 10_000_000
"""A drawn length is cut to this."""


def lengths(option: str, text: str) -> "TokenLengths":
    """Lengths of one size, evenly between two, or of a distribution by its mean and standard deviation.

    Raises:
        InputError: It is none of these; names the option.
        ConfigError: A length is not positive, or the shortest is longer than the longest.
    """
    from optimoe.loadtest.workload import TokenLengths

    kind, *rest = (part.strip() for part in text.split(":"))
    try:
        if kind in ("normal", "lognormal") and len(rest) == 2:
            mean, std = map(parse_quantity, rest)
            return TokenLengths(kind=kind, mean=mean, std=std, high=MOST_TOKENS)  # type: ignore[arg-type]
        if not rest:
            return TokenLengths(mean=float(whole(option, parse_quantity(kind))), high=MOST_TOKENS)
        if len(rest) == 1:
            low, high = (whole(option, parse_quantity(part)) for part in (kind, *rest))
            return TokenLengths(kind="uniform", mean=(low + high) / 2, low=low, high=high)
    except InputError as error:
        raise type(error)(f"{option}: {str(error).removeprefix(f'{option}: ')}") from None
    raise InputError(f"{option}: must be like 128, 64:256, normal:128:32 or lognormal:1K:500, got {text!r}")
