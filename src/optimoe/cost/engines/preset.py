"""What one serving engine does differently from the others: presets by name, or a file of the user's."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from optimoe.arch.precision.formats import Precision
from optimoe.core.config import build, load_facts, load_toml
from optimoe.core.errors import UnknownNameError, require, require_choice
from optimoe.core.provenance import Basis

DEFAULT_ENGINE = "vllm"

LONGEST_FRONT_S = 60.0
"""A front end that takes longer is not stated in seconds."""


@dataclass(frozen=True, kw_only=True)
class EnginePreset:
    """What one serving engine does differently: a row of ``engines.toml``, or a file of the user's.

    Attributes:
        name: Name of the engine; that of the file where it states none.
        front_s: Seconds from a request's arrival to the scheduler and back to the client, under load.
        prefill_first: Waiting prompts are read before any further token is decoded.
        kv_of_fp8: Precision of the cache that weights in fp8 bring unless another is asked for.
        source: Where the three stand, or how they were measured.
        basis: How the seconds were obtained.

    Raises:
        ConfigError: The seconds are out of their limits, or there is no source.
        UnknownNameError: The cache cannot have that precision.
    """

    name: str
    front_s: float
    prefill_first: bool
    kv_of_fp8: Precision
    source: str
    basis: Basis = Basis.ASSUMED

    def __post_init__(self) -> None:
        longest = f"in seconds, from 0 to below {LONGEST_FRONT_S:.0f}"
        require(0 <= self.front_s < LONGEST_FRONT_S, "front_s", longest, self.front_s)
        require_choice(self.kv_of_fp8, "kv_of_fp8", Precision)
        require(self.source.strip(), "source", "given", repr(self.source))


def engine_names() -> tuple[str, ...]:
    """The engines with a preset of their own."""
    return tuple(load_facts("optimoe.cost", "engines.toml")["engine"])


def engine_preset(name: str) -> EnginePreset:
    """A preset by name, or from a file ``*.toml`` with the same fields.

    Raises:
        UnknownNameError: No preset of that name, or a field of the file that no preset has; lists the nearest.
        ConfigError: The file cannot be read, or lacks a field or has one out of its limits.
    """
    if name.endswith(".toml"):
        return build(EnginePreset, {"name": Path(name).stem, **load_toml(Path(name))}, where=name)
    return _shipped_preset(name)


@cache
def _shipped_preset(name: str) -> EnginePreset:
    known = load_facts("optimoe.cost", "engines.toml")["engine"]
    if name not in known:
        raise UnknownNameError("engine", name, known)
    return build(EnginePreset, {"name": name, **known[name]}, where=f"engine {name}")
