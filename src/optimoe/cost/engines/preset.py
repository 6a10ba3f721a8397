"""What one serving engine does differently from the others: presets by name, or a file of the user's."""

from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

from optimoe.arch.precision.formats import Precision
from optimoe.core.config import build, load_facts, load_table
from optimoe.core.errors import find_name, require, require_choice, same_names
from optimoe.core.provenance import Basis
from optimoe.cost.engines.eras import ERA, era_times
from optimoe.cost.engines.host import HostTimes
from optimoe.cost.engines.pool import CachePool
from optimoe.cost.engines.reserve import Reserve

DEFAULT_ENGINE = "vllm"
ALIASES = {"tensorrt-llm": "trtllm", "trt-llm": "trtllm"}
"""Engines by what people call them, beside other spellings of their names."""


@dataclass(frozen=True, kw_only=True)
class EnginePreset:
    """What one serving engine does differently: a row of ``engines.toml``, or a file of the user's.

    Attributes:
        name: Name of the engine; that of the file where it states none.
        host: Seconds that it takes itself, beside the kernels.
        prefill_first: Waiting prompts are read before any further token is decoded.
        kv_of: Format of the cache by format of the weights, where neither the checkpoint nor the user states one;
            bf16 for the formats that are left out.
        era: Year of the engine whose host times these are, where it is not that of the shipped ones.
        align_steps: Most steps for which prompts are held back until every attention rank has one; 0 is not at
            all.
        source: Where these stand, or how they were measured.
        basis: How the seconds were obtained.
        reserve: Memory that it takes beside weights and cache; that of the default engine unless stated.
        pool: How it deals the cache out; that of the default engine unless stated.

    Raises:
        ConfigError: A time is out of its limits, or there is no source.
        UnknownNameError: The table of caches holds no format.
    """

    name: str
    host: HostTimes
    prefill_first: bool
    kv_of: dict[str, str]
    source: str
    era: str = ""
    align_steps: int = 0
    basis: Basis = Basis.ASSUMED
    reserve: Reserve = field(default_factory=lambda: engine_preset(DEFAULT_ENGINE).reserve)
    pool: CachePool = field(default_factory=lambda: engine_preset(DEFAULT_ENGINE).pool)

    def __post_init__(self) -> None:
        for word in (*self.kv_of, *self.kv_of.values()):
            require_choice(word, "kv_of", Precision)
        require(self.align_steps >= 0, "align_steps", "zero or more", self.align_steps)
        require(self.source.strip(), "source", "given", repr(self.source))


def engine_names() -> tuple[str, ...]:
    """The engines with a preset of their own, and those of an era whose host times were fitted: ``vllm@2024``."""
    return (*load_facts("optimoe.cost", "engines.toml")["engine"], *era_times())


def engine_name(engine: str) -> str:
    """The name of an engine that ships, however it is written.

    Raises:
        UnknownNameError: None is called so; lists the nearest.
    """
    return find_name("engine", engine, engine_names(), ALIASES)


def known_engine(engine: str) -> str:
    """The name of an engine that ships, however it is written; of another its own."""
    return next(iter(same_names(engine, engine_names(), ALIASES)), engine)


def preset_name(engine: str) -> str:
    """The name of an engine's preset, however it is written; of an engine that has none, the default's."""
    known = known_engine(engine)
    return known if known in engine_names() else DEFAULT_ENGINE


def engine_preset(name: str) -> EnginePreset:
    """A preset by name, or from a file ``*.toml`` with the same fields.

    Raises:
        UnknownNameError: No preset of that name, or a field of the file that no preset has; lists the nearest.
        ConfigError: The file cannot be read, or lacks a field or has one out of its limits.
    """
    if name.endswith(".toml"):
        return build(EnginePreset, {"name": Path(name).stem, **load_table(Path(name))}, where=name)
    return _shipped_preset(name)


@cache
def _shipped_preset(name: str) -> EnginePreset:
    name = engine_name(name)
    if name in era_times():
        return _of_era(name)
    known = load_facts("optimoe.cost", "engines.toml")["engine"]
    return build(EnginePreset, {"name": name, **known[name]}, where=f"engine {name}")


def _of_era(name: str) -> EnginePreset:
    """The engine of today with the host times of an era, which ran between the GPU's steps."""
    engine, _, era = name.partition(ERA)
    preset, times = _shipped_preset(engine), era_times()[name]
    fitted = {"step_s": times.step_s, "request_s": times.request_s}
    nothing = {"hidden": 0.0, "launch_s": 0.0, "sampling_passes": 0.0}  # all that a step took is in the two
    host = replace(preset.host, **fitted, **nothing)
    source = f"{times.source}; the rest as {engine}: {preset.source}"
    return replace(preset, host=host, era=era, source=source)
