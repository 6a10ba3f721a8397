"""Time of collectives over a group of GPUs: launch, hops, bandwidth that rises with the bytes in flight."""

from dataclasses import dataclass, fields
from functools import cache
from typing import Literal

import numpy as np

from optimoe.core.arrays import Values
from optimoe.core.config import load_facts
from optimoe.core.errors import require
from optimoe.cost.facts import operator_table
from optimoe.cost.hardware.accelerator import Accelerator
from optimoe.cost.kernels.calls import AllReduce, HostRead, KernelTime
from optimoe.cost.kernels.curve import ANY_ARCHITECTURE, BUS, at_clock, find_row

Collective = Literal["all_reduce", "all_reduce_nccl", "all_gather", "reduce_scatter", "all_to_all"]
"""``all_reduce`` is the engines' own kernel under CUDA graphs; the others are NCCL's."""

PHASES: dict[Collective, int] = {
    "all_reduce": 2,
    "all_reduce_nccl": 2,
    "all_gather": 1,
    "reduce_scatter": 1,
    "all_to_all": 1,
}
"""Passes over the links: an all-reduce is a reduce-scatter and an all-gather."""


@dataclass(frozen=True, kw_only=True)
class LinkCurve:
    """What a collective reaches of the links inside a node.

    Attributes:
        launch_s: Of a call.
        hop_s: Per step of the ring, R − 1 for each pass.
        link_share: Of the link's peak that long messages reach.
        ramp_bytes: At so many bytes on a link it reaches half of that.
        contention: GPUs that share the links of one host take from each other: the share falls as
            (2/R)^contention with R of them. 0 over a switch.

    Raises:
        ConfigError: The share is not in (0, 1].
    """

    launch_s: float
    hop_s: float
    link_share: float
    ramp_bytes: float
    contention: float = 0.0

    def __post_init__(self) -> None:
        require(0 < self.link_share <= 1, "link_share", "above 0 and at most 1", self.link_share)


def collective_s(
    gpu: Accelerator,
    collective: Collective,
    ranks: Values,
    payload_bytes: Values,
    curve: LinkCurve | None = None,
    stride: Values = 1,
    engine: str = "",
) -> Values:
    """Seconds of one collective of ``payload_bytes`` over ``ranks`` GPUs; 0 for one rank.

    The payload X is the whole tensor that each rank reduces, gathers, or (all-to-all) sends from. Inside a
    node, with R ranks and m passes:

        w = m·(R − 1)/R·X      t = launch + m·hop·(R − 1) + (w + √(ramp·w))/(link·share·(2/R)^contention)

    Fitted for 2 to 8 GPUs on NVLink, and on PCIe, which GPUs share (``operators/collective.toml``); elsewhere an
    extrapolation by the link's bandwidth. Over several nodes: :func:`_across_nodes_s`, which was not measured
    here. Ranks that stand ``stride`` GPUs apart leave their node the sooner.
    """
    curve = curve or find_link_curve(collective, gpu, engine)
    passes = PHASES[collective]
    ranks = np.asarray(ranks)
    wire = passes * (ranks - 1) / ranks * payload_bytes
    link = max(gpu.intra_node_bytes_per_s, 1.0) * curve.link_share
    link = link * (2 / np.maximum(ranks, 2)) ** curve.contention
    inside = curve.launch_s + passes * curve.hop_s * (ranks - 1) + (wire + np.sqrt(curve.ramp_bytes * wire)) / link
    in_node = np.maximum(gpu.linked_gpus // np.asarray(stride), 1)
    if np.all(ranks <= in_node):
        return np.where(ranks > 1, inside, 0.0)[()]
    nodes = np.ceil(ranks / in_node)
    across = _across_nodes_s(gpu, passes, ranks, nodes, payload_bytes, all_to_all=collective == "all_to_all")
    return np.where(ranks > in_node, across, np.where(ranks > 1, inside, 0.0))[()]


OWN_RANKS = {"vllm": 8, "sglang": 8}
"""Most GPUs over which an engine's own kernel reduces; beyond, it calls NCCL (vLLM, custom_all_reduce.py: world
sizes 2, 4, 6, 8; measured alike on GB300, where 16 GPUs take NCCL's 47 µs and TensorRT-LLM's own kernel 5 µs)."""


def all_reduce_s(gpu: Accelerator, all_reduce: AllReduce, engine: str = "") -> KernelTime:
    """Seconds of one all-reduce as an engine runs it: :func:`collective_s`, all of it beside any product."""
    ranks, payload = all_reduce.ranks, all_reduce.payload_bytes
    seconds = collective_s(gpu, "all_reduce", ranks, payload, engine=engine)
    most = OWN_RANKS.get(engine)
    if most and np.any(np.asarray(ranks) > most):
        seconds = np.where(np.asarray(ranks) > most, collective_s(gpu, "all_reduce_nccl", ranks, payload), seconds)
    return KernelTime(launch_s=0.0, side_s=seconds, compute_s=0.0, memory_s=0.0, sharpness=1)


def host_read_s(gpu: Accelerator, read: HostRead) -> KernelTime:
    """Seconds to read bytes from the host's memory at the peak of its link, one direction (optimistic).

    Raises:
        ConfigError: The accelerator's link to its host is not known.
    """
    link = gpu.host_bytes_per_s
    require(link > 0, "host_bytes_per_s", f"known for {gpu.name} where experts stay on the host", link)
    return KernelTime(launch_s=0.0, side_s=0.0, compute_s=0.0, memory_s=read.num_bytes / link, sharpness=1)


def send_s(gpu: Accelerator, payload_bytes: Values, *, across: bool) -> Values:
    """Seconds to send bytes from one GPU to another: one hop of an all-gather's curve, or of the network.

    Across nodes the fastest of NCCL's protocols: inter + base + bytes/(network·share).
    """
    if not across:
        curve = find_link_curve("all_gather", gpu)
        link = max(gpu.intra_node_bytes_per_s, 1.0) * curve.link_share
        return curve.launch_s + curve.hop_s + (payload_bytes + np.sqrt(curve.ramp_bytes * payload_bytes)) / link
    network = max(gpu.inter_node_bytes_per_s, 1.0)
    times = [
        row["inter_s"] + row["base_s"] + payload_bytes / (network * row["bandwidth_share"]) for row in _protocols()
    ]
    return np.minimum.reduce(np.broadcast_arrays(*times))


def find_link_curve(collective: Collective, gpu: Accelerator, engine: str = "") -> LinkCurve:
    """The curve of a collective on a GPU, at its clock.

    That of its architecture where this was measured over links of the same kind; else the one fitted to all GPUs
    over a bus (PCIe), or to all over a switch.
    """
    return _find_link_curve(collective, gpu.architecture, gpu.clock_hz, gpu.over_bus, engine)


@cache
def _find_link_curve(
    collective: Collective, architecture: str, clock_hz: float, over_bus: bool, engine: str
) -> LinkCurve:
    rows = operator_table("collective")[collective]
    if (rows.get(architecture, {}).get("contention", 0.0) > 0) != over_bus:
        architecture = BUS if over_bus else ANY_ARCHITECTURE
    row = find_row("collective", collective, architecture, engine)
    curve = LinkCurve(**{field.name: row[field.name] for field in fields(LinkCurve) if field.name in row})
    return at_clock(curve, row["clock_hz"], clock_hz)


def _across_nodes_s(
    gpu: Accelerator, passes: int, ranks: Values, nodes: Values, payload_bytes: Values, *, all_to_all: bool
) -> Values:
    """Seconds over n nodes of g = R/n GPUs, by the fastest of NCCL's protocols.

    Latency m·(intra·(g − 1) + inter·log2 n) + base. Bytes, per pass: a ring sends n·(g − 1)/R·X inside a
    node and (n − 1)/R·X over each network link; an all-to-all sends (g − 1)/R·X and (R − g)/R·X.
    Source: ``efficiency.toml``, [collective]. The ring is that of
    :func:`optimoe.cost.published.erdil.code.collective_s`, which keeps its repository's own constants.
    """
    per_node = ranks / nodes
    inside = (per_node - 1) / ranks * payload_bytes * (1 if all_to_all else nodes)
    outside = ((ranks - per_node) if all_to_all else (nodes - 1)) / ranks * payload_bytes
    wire_s = passes * (
        inside / max(gpu.intra_node_bytes_per_s, 1.0) + outside / max(gpu.inter_node_bytes_per_s, 1.0)
    )
    times = [
        passes * (protocol["intra_s"] * (per_node - 1) + protocol["inter_s"] * np.log2(nodes))
        + protocol["base_s"]
        + wire_s / protocol["bandwidth_share"]
        for protocol in _protocols()
    ]
    return np.minimum.reduce(np.broadcast_arrays(*times))


def _protocols() -> list[dict[str, float]]:
    table = load_facts("optimoe.cost", "efficiency.toml")["collective"]
    return [row for row in table.values() if isinstance(row, dict)]
