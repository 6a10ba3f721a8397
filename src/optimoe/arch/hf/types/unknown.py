"""What is said of a ``model_type`` that no family is for: what it is, or which family is meant."""

import re
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from functools import cache

from optimoe.arch.hf.family import ConfigFamily
from optimoe.arch.hf.fields import Config
from optimoe.arch.hf.types.asked import listed, not_understood
from optimoe.arch.hf.types.wrappers import inner_part
from optimoe.core.config import load_facts
from optimoe.core.errors import ConfigError, InputError, UnknownNameError, shown

Reads = Callable[[ConfigFamily], set[str]]
"""The fields of a configuration that a family reads, or an input error where it cannot."""
_STEM = 3
"""Letters that two names must begin with to be of one house."""
_HOUSE = 1
"""Fields that a name of the same house is worth."""
_ENCODER_HEADS = ("ForMaskedLM", "ForPreTraining", "ForQuestionAnswering", "ForTokenClassification")


@cache
def _kinds() -> dict[str, str]:
    """The types that are no causal language model, each with what it is."""
    facts = load_facts("optimoe.arch", "types.toml")
    encoders = dict.fromkeys(facts["encoders"], "an encoder, which decodes nothing and keeps no cache")
    return encoders | dict.fromkeys(facts["encoder_decoders"], "an encoder–decoder, which only half decodes")


def require_decoder(config: Config, model_type: str) -> None:
    """Refuse what is no causal language model by its type or by what else its file says, or has unknown parts.

    Raises:
        ConfigError: It is so; the text names the field that says so, and the parts.
    """
    if parts := load_facts("optimoe.arch", "types.toml")["undescribed"].get(model_type):
        raise ConfigError(
            f"model_type: must be of described parts, got {model_type}, which has {parts} "
            "(--via transformers counts modules)"
        )
    kind = _kinds().get(model_type)
    if kind:
        raise ConfigError(f"model_type: must be that of a causal language model, got {model_type}, {kind}")
    if config.get("is_encoder_decoder") is True:
        raise ConfigError(
            f"is_encoder_decoder: must be false, got true: {shown(model_type)} is an encoder–decoder"
        )
    named = _architecture(config)
    if named.endswith(_ENCODER_HEADS):
        raise ConfigError(f"architectures: must name a causal language model, got {shown(named)}, an encoder")


def unknown_type(
    config: Config, model_type: str, families: Mapping[str, ConfigFamily], reads: Reads
) -> UnknownNameError:
    """The refusal of a type that is not known: its name, and the family that is meant by what the file says.

    That is, in this order: a family of a table inside, the family whose class ``architectures`` names, and of
    those that find every field that they need the one that reads most of the file, its own house before others.
    """
    return UnknownNameError(
        "model_type", shown(model_type, 40), families, _hint(config, model_type, families, reads)
    )


def _hint(config: Config, model_type: str, families: Mapping[str, ConfigFamily], reads: Reads) -> str:
    part, inner = inner_part(config)
    if inner in families:
        return f"its {part} is of type {inner}, which is known: --as {inner} reads that alone"
    read = dict(_read(config, families, reads))
    named = _architecture(config)
    for family in families:
        if named and families[family].architecture == named:
            reason = f"whose class {shown(named, 40)} architectures names"
            return _meant(family, reason, not_understood(config, read.get(family, set()), families[family]))
    house = _house(model_type, read)
    if read:
        best = max(read, key=lambda family: len(read[family] & set(config)) + _HOUSE * (family in house))
        strange = not_understood(config, read[best], families[best])
        return _meant(best, "by its fields and name" if best in house else "by its fields", strange)
    near = get_close_matches(model_type.lower(), _house(model_type, families), n=3, cutoff=0.0)
    kin = f"; of the same house: {', '.join(near)}" if near else ""
    return f"no known family finds its fields here{kin}"


def _meant(family: str, reason: str, strange: list[str]) -> str:
    """What is said of the nearest family: how to be read as it, or what it would pass over."""
    if strange:
        return f"nearest: {family}, {reason}, but it has no {listed(strange, 2)}"
    return f"nearest: {family}, {reason}; --as {family} reads it so where every field is stated"


def _architecture(config: Config) -> str:
    """The class that the file names first; empty where it names none."""
    named = config.get("architectures")
    return named[0] if isinstance(named, list) and named and isinstance(named[0], str) else ""


def _read(config: Config, families: Mapping[str, ConfigFamily], reads: Reads) -> Iterable[tuple[str, set[str]]]:
    """The families that find all that they need, each with the fields that it asks for."""
    for name, family in families.items():
        try:
            yield name, reads(family)
        except InputError:
            continue


def _house(model_type: str, names: Iterable[str]) -> list[str]:
    """The names that begin with the letters with which a type begins."""
    stem = _stem(model_type)
    return [name for name in names if len(stem) >= _STEM and _stem(name) == stem]


def _stem(name: str) -> str:
    found = re.match("[a-z]+", name.lower())
    return found.group() if found else ""
