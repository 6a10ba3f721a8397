"""Time of collectives over a tensor-parallel group."""

import numpy as np

from optimoe.core.arrays import Values
from optimoe.core.config import load_facts
from optimoe.cost.accelerator import Accelerator

ALL_REDUCE_PHASES = 2
"""A reduce-scatter and an all-gather: the latency factor m, and twice the bytes over each link."""


def all_reduce_s(gpu: Accelerator, ranks: Values, payload_bytes: Values) -> Values:
    """Seconds of one all-reduce of ``payload_bytes`` over ``ranks`` GPUs; 0 for one rank.

    Latency + bandwidth, the fastest of NCCL's protocols. With R ranks on n nodes and X bytes:
    latency m·(intra·(R/n − 1) + inter·log2 n) + base with m = 2; bandwidth
    2·(n·(R/n − 1)/R · X/(intra link) + (n − 1)/R · X/(inter link)) over the protocol's share of the link.
    Source: ``efficiency.toml``, [collective].
    """
    nodes = np.ceil(np.asarray(ranks) / gpu.gpus_per_node)
    per_node = ranks / nodes
    intra = nodes * (per_node - 1) / ranks * payload_bytes / max(gpu.intra_node_bytes_per_s, 1.0)
    inter = (nodes - 1) / ranks * payload_bytes / max(gpu.inter_node_bytes_per_s, 1.0)
    wire_s = ALL_REDUCE_PHASES * (intra + inter)
    times = [
        ALL_REDUCE_PHASES * (protocol["intra_s"] * (per_node - 1) + protocol["inter_s"] * np.log2(nodes))
        + protocol["base_s"]
        + wire_s / protocol["bandwidth_share"]
        for protocol in _protocols()
    ]
    return np.where(np.asarray(ranks) > 1, np.minimum.reduce(np.broadcast_arrays(*times)), 0.0)[()]


def _protocols() -> list[dict[str, float]]:
    table = load_facts("optimoe.cost", "efficiency.toml")["collective"]
    return [row for row in table.values() if isinstance(row, dict)]
