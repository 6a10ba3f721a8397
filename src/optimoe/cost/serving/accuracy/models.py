"""What a model is, as far as its speed may differ in kind from another's: mixers, feed-forwards, active size."""

import re
from collections.abc import Iterable

from optimoe.arch.params import count_params
from optimoe.arch.parts import MoE
from optimoe.arch.spec import ArchSpec
from optimoe.cost.engines.measured import MeasuredModel


def measured_model(name: str, arch: ArchSpec) -> MeasuredModel:
    """A model under a name, with the kinds of its parts."""
    return MeasuredModel(
        name=name,
        mixers=kinds(type(member) for group in arch.layers for member in group.mixer.members),
        ffns=kinds(type(group.ffn) for group in arch.layers),
        params_active=float(count_params(arch).active),
    )


def kinds(classes: Iterable[type]) -> tuple[str, ...]:
    """Names of parts as words, each once, in alphabetical order: ``latent attention``, ``moe``."""
    return tuple(sorted({kind(one) for one in classes}))


def kind(part: type) -> str:
    """The name of a class of parts as words: ``GatedDeltaNet`` is ``gated delta net``; ``none`` of no part."""
    if part is type(None) or getattr(part, "absent", False):
        return "none"
    name = part.__name__
    return name.lower() if name.isupper() or part is MoE else re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower()
