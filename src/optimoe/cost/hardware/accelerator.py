"""Accelerators and clusters: peaks from data sheets, by name or from a user's own file."""

import re
from copy import copy
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from optimoe.core.arrays import Values
from optimoe.core.config import build, load_facts, load_table
from optimoe.core.errors import (
    ConfigError,
    InputError,
    find_name,
    require,
    require_choice,
    require_positive,
    same_names,
    shown,
    spelled,
)
from optimoe.core.ranges import require_range
from optimoe.core.ranges.table import HARDWARE
from optimoe.core.units import parse_quantity
from optimoe.cost.hardware.arithmetic import AUTO, arithmetic
from optimoe.cost.hardware.curve import KernelCurve, KernelFamily

MEMORY = "@"
"""Between the name of an accelerator and the memory that it is to have instead of its own."""


@dataclass(frozen=True, kw_only=True)
class Accelerator:
    """One GPU as its data sheet describes it.

    Attributes:
        name: Its key.
        memory_bytes: Device memory.
        memory_bytes_per_s: Peak bandwidth of that memory.
        cache_bytes: Last-level cache; 0 when not known. No step of a GPU relies on it: between two calls a model
            reads other layers.
        cache_bytes_per_s: Rate of what stays in that cache, of a CPU whose models may be so small; 0 when no step
            is to rely on it.
        peak_flops_per_s: Dense tensor peak by precision of the operands.
        gpus_per_node: GPUs of one node.
        domain_gpus: GPUs that the fast link joins across nodes (an NVLink domain); 0 where it ends with the node.
        intra_node_bytes_per_s: Link inside a node, one direction; 0 when not known.
        inter_node_bytes_per_s: Network, one direction, per GPU; 0 when not known.
        host_bytes_per_s: Link to the host's memory, one direction; 0 when not known.
        clock_hz: Highest clock of its cores; launches and latencies scale with its inverse. 0 when not known.
        power_w: Board power; 0 when not known.
        architecture: The maker's name of the generation; kernels of measured architectures have their own curves.
        threads: Of a CPU, with which it was measured; 0 when not known.
        launch_s: One call of an operator on one number; 0 when not known.
        curves: What kernels were measured to reach on this machine itself, by family and kind (a precision):
            taken before any curve of the tables.
        source: Where the figures stand.

    Raises:
        ConfigError: A figure is out of its plausible range, as in a wrong unit, there is no bf16 peak, or no
            source.
    """

    name: str
    memory_bytes: float
    memory_bytes_per_s: float
    peak_flops_per_s: dict[str, float]
    source: str
    gpus_per_node: int = 1
    domain_gpus: int = 0
    intra_node_bytes_per_s: float = 0.0
    inter_node_bytes_per_s: float = 0.0
    cache_bytes: float = 0.0
    host_bytes_per_s: float = 0.0
    clock_hz: float = 0.0
    power_w: float = 0.0
    architecture: str = ""
    notes: str = ""
    cache_bytes_per_s: float = 0.0
    threads: int = 0
    launch_s: float = 0.0
    curves: dict[str, dict[str, KernelCurve]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, limits in HARDWARE.items():
            if name != "peak_flops_per_s":
                require_range(getattr(self, name), name, limits)
        require(self.source.strip(), "source", "given", repr(self.source))
        require("bf16" in self.peak_flops_per_s, "peak_flops_per_s", "given for bf16", self.peak_flops_per_s)
        for precision, peak in self.peak_flops_per_s.items():
            require_range(peak, f"peak_flops_per_s.{precision}", HARDWARE["peak_flops_per_s"])
        for family, kinds in self.curves.items():
            require_choice(family, "curves", KernelFamily)
            require(kinds, f"curves.{family}", "given for a precision", kinds)
        require(
            self.gpus_per_node == 1 or self.intra_node_bytes_per_s > 0,
            "intra_node_bytes_per_s",
            "positive where a node has several GPUs",
            self.intra_node_bytes_per_s,
        )

    @property
    def over_bus(self) -> bool:
        """Whether its GPUs reach each other over the bus that joins them to their host, which they share."""
        return 0 < self.intra_node_bytes_per_s <= self.host_bytes_per_s

    @property
    def linked_gpus(self) -> int:
        """GPUs that reach each other over the fast link: those of a domain, else of a node."""
        return max(self.gpus_per_node, self.domain_gpus)

    def curve(self, family: KernelFamily, kind: str) -> KernelCurve | None:
        """What kernels of a family were measured to reach on this machine; none where the tables have to tell.

        A kind that was not measured takes the curve of bf16, or of what there is (assumed).
        """
        kinds = self.curves.get(family)
        return kinds.get(kind, kinds.get("bf16", next(iter(kinds.values())))) if kinds else None

    def reading(self, num_bytes: Values) -> "Accelerator":
        """This machine as steps find it that read the same bytes over and over, be they in its cache.

        With the share h = min(1, cache/bytes) of them in the last-level cache: 1/(h/cache rate + (1 − h)/memory
        rate). A machine whose cache has no known rate stays as it is.
        """
        if not self.cache_bytes_per_s:
            return self
        held = np.minimum(1.0, self.cache_bytes / np.maximum(num_bytes, 1.0))
        rate = 1 / (held / self.cache_bytes_per_s + (1 - held) / self.memory_bytes_per_s)
        found = copy(self)
        object.__setattr__(found, "memory_bytes_per_s", rate)  # over a grid of designs an array: no file holds one
        return found

    def flops_per_s(self, weight_precision: str, activations: str = AUTO) -> float:
        """Tensor peak for weights and activations: :func:`~optimoe.cost.hardware.arithmetic.arithmetic`.

        Raises:
            UnknownNameError: No such precision.
        """
        return self.peak_flops_per_s[arithmetic(self, weight_precision, activations)]


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """Equal GPUs that serve one copy of a deployment together.

    Raises:
        ConfigError: There is no GPU, or the GPUs have no known link.
    """

    accelerator: Accelerator
    num_gpus: int

    def __post_init__(self) -> None:
        require_positive(self, "num_gpus")
        require(
            self.num_gpus <= self.accelerator.linked_gpus or self.accelerator.inter_node_bytes_per_s > 0,
            "num_gpus",
            f"at most {self.accelerator.linked_gpus} of {self.accelerator.name}: no network is known",
            self.num_gpus,
        )


MOST_DIGITS = 9
"""Digits of a number of GPUs that is one: more is no number of GPUs, and longer texts no number to Python."""


def accelerator_names() -> tuple[str, ...]:
    """The accelerators that ship with optimoe."""
    return tuple(load_facts("optimoe.cost", "accelerators.toml")["accelerator"])


def accelerator_key(name: str) -> str:
    """The name of an accelerator as tables spell it, however people write it and whatever its memory.

    Short and usual names stand for the one that is most often meant: ``h100`` for ``h100-sxm``, ``a100-80gb`` for
    ``a100-sxm`` (``accelerators.toml``, [alias]); so does what its driver calls it, ``NVIDIA H100 80GB HBM3``. One
    that is not known stays as it is, in lower case and with hyphens.
    """
    facts = load_facts("optimoe.cost", "accelerators.toml")
    key = re.sub(r"[\s_-]+", "-", name.partition(MEMORY)[0].strip().lower())
    key = key.removeprefix("nvidia-").removeprefix("amd-").removeprefix("instinct-")
    found = same_names(key, facts["accelerator"], facts["alias"])
    return found[0] if len(found) == 1 else key


def find_accelerator(name: str) -> Accelerator:
    """An accelerator by name, or from a file ``*.toml`` with the same fields.

    Of another memory with that behind an ``@``: ``h100-sxm@40GB`` is in everything else the GPU of that name. The
    notes of one that was found under another name say so.

    Raises:
        UnknownNameError: No such accelerator; lists the nearest.
        ConfigError: The file does not describe one, or the memory is no quantity in bytes.
    """
    if name.endswith(".toml"):
        return build(Accelerator, {"name": Path(name).stem, **load_table(Path(name))}, where=name)
    base, of_memory, memory = name.rpartition(MEMORY)
    if of_memory:
        return _with_memory(find_accelerator(base), memory.strip())
    known = load_facts("optimoe.cost", "accelerators.toml")["accelerator"]
    key = find_name("gpu", accelerator_key(name), known)
    gpu: Accelerator = build(Accelerator, {"name": key, **known[key]}, where=f"gpu {key}")
    if spelled(key) == spelled(name):
        return gpu
    return replace(gpu, notes=f"{name.strip()} is read as {key}. {gpu.notes}".strip())


def _with_memory(gpu: Accelerator, memory: str) -> Accelerator:
    """The same GPU with another memory, which its name and its source say.

    Raises:
        ConfigError: The memory is no quantity in bytes.
    """
    try:
        memory_bytes = parse_quantity(memory, "bytes")
    except InputError as error:
        raise ConfigError(f"gpu {gpu.name}: memory: {error}") from None
    name, source = f"{gpu.name}{MEMORY}{memory}", f"{gpu.source}; memory of {memory} as stated"
    return replace(gpu, name=name, memory_bytes=memory_bytes, source=source)


MOST_SERVING_GPUS = 64
"""GPUs of the largest deployment that is searched: eight nodes of eight. Wider ones have been published for the
largest models alone (DeepSeek-V3 decodes on 320: arXiv 2412.19437, Sec. 3.4.2), and can be stated."""


def sizes(gpu: Accelerator, most: int = MOST_SERVING_GPUS) -> list[int]:
    """Numbers of GPUs of a deployment that are tried: 1, 2, 4, … below the most, and the most itself.

    Args:
        gpu: The kind; without a known network it ends at its fast link.
        most: GPUs of the largest one.
    """
    end = most if gpu.inter_node_bytes_per_s > 0 else min(most, gpu.linked_gpus)
    return [2**power for power in range(end.bit_length()) if 2**power < end] + [end]


def states_number(text: str) -> bool:
    """Whether GPUs are stated with their number: ``8xh100-sxm``, and not ``h100-sxm``."""
    return re.match(r"\d+\s*[x×]", text.strip()) is not None


def parse_gpus(text: str) -> tuple[int, str]:
    """``8xh100-sxm`` as (8, "h100-sxm"); a name alone is one GPU.

    Raises:
        ConfigError: No number of GPUs.
    """
    match = re.fullmatch(r"(?:([0-9]+)\s*[x×])?\s*(.+)", text.strip())
    digits = match[1] or "1" if match else ""
    if match is None or not 0 < len(digits.lstrip("0")) <= MOST_DIGITS:
        raise ConfigError(f"gpus: must be like 8xh100-sxm, got {shown(repr(text))}")
    return int(digits), match[2]
